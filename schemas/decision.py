"""A decision: which routes matched one event. The values of ``hub.decisions``."""

from dataclasses import dataclass
from datetime import datetime

from schemas.identity import DeliveryId
from schemas.lane import Lane


@dataclass(frozen=True, slots=True)
class DecidedDelivery:
    """One delivery that the decision caused, and the lane it was put into."""

    route: str
    destination: str
    delivery: DeliveryId
    lane: Lane = Lane.NORMAL


@dataclass(frozen=True, slots=True)
class Decision:
    """What ``route`` decided for the record of ``hub.events`` at ``offset`` of the same partition number.

    The last decision for an offset counts. ``deliveries`` is empty when no route matched. ``revision`` names the
    ``hub.yaml`` it was decided by.
    """

    source: str
    id: str
    digest: str
    offset: int
    revision: str
    decided: datetime
    deliveries: tuple[DecidedDelivery, ...]
