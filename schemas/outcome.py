"""An outcome: how one attempt at one delivery ended. The values of ``hub.outcomes.<destination>``."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schemas.identity import DeliveryId, DeliveryKey, Run
from schemas.lane import Lane


class OutcomeState(StrEnum):
    DELIVERED = "delivered"  # terminal: the destination has it
    DEAD = "dead"  # terminal: given up; the record is in hub.dead-letters
    DISCARDED = "discarded"  # terminal: by a person, or because it was stale
    FAILED = "failed"  # this attempt failed, another will follow

    @property
    def terminal(self) -> bool:
        return self is not OutcomeState.FAILED


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the attempt at the record at ``offset`` (same partition number, deliveries topic of ``lane``) ended.

    The first terminal outcome of a (delivery, run) in the log counts; a later one is superseded. ``attempt`` is
    1 for the first try, 0 where none was made (``discarded``). ``error`` is ``<ErrorType>: <message>``, 1 kB at
    most, present unless delivered. ``started`` and ``ended`` enclose the attempt; ``received`` is when the hub
    accepted the event. Where the attempt failed, ``retry_at`` is when the next one is due, and ``moved`` says whether
    it waits for it as another record, in a retry tier, or in its place.
    """

    delivery: DeliveryId
    run: Run
    route: str
    destination: str
    state: OutcomeState
    attempt: int
    offset: int
    received: datetime
    started: datetime
    ended: datetime
    error: str | None = None
    retry_at: datetime | None = None
    moved: bool = False
    lane: Lane = Lane.NORMAL

    @property
    def key(self) -> DeliveryKey:
        return DeliveryKey(self.delivery, self.run)
