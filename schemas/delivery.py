"""A delivery: one event on its way to one destination by one route."""

from dataclasses import dataclass
from datetime import datetime

from schemas.event import Event
from schemas.identity import LIVE, DeliveryId, DeliveryKey, Run
from schemas.lane import Lane


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """One record of ``hub.deliveries.<destination>[.<lane>]``, ``hub.retries.<delay>`` or ``hub.dead-letters``.

    ``revision`` is the revision of ``hub.yaml`` that decided it. ``attempt`` counts the tries begun before this
    record was written, so it is 0 on the record that ``route`` writes; ``first_attempt`` is when the first began.
    ``error`` says, on a dead letter, why it died, and on a retry, why the last attempt failed (1 kB at most).
    """

    event: Event
    id: DeliveryId
    route: str
    destination: str
    revision: str
    run: Run = LIVE
    attempt: int = 0
    first_attempt: datetime | None = None
    lane: Lane = Lane.NORMAL
    error: str | None = None

    @property
    def key(self) -> DeliveryKey:
        return DeliveryKey(self.id, self.run)
