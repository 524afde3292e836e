"""A decision: which routes matched one event. The values of ``hub.decisions``."""

from dataclasses import dataclass
from datetime import datetime

from schemas.identity import DeliveryId


@dataclass(frozen=True, slots=True)
class DecidedDelivery:
    """One delivery that the decision caused."""

    route: str
    destination: str
    delivery: DeliveryId


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
