"""A report: what one worker says of one destination, every few seconds. The values of ``hub.reports``."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schemas.identity import DeliveryId, Run
from schemas.lane import Lane


class DestinationState(StrEnum):
    OPENING = "opening"  # the connector is being opened, or tried again
    UP = "up"
    DOWN = "down"  # the breaker is open: nobody would get through
    THROTTLED = "throttled"  # the destination asked for less
    PAUSED = "paused"  # by a person, or because the destination is gone


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that has no end yet, and why: ``in flight``, ``attempt 3 is due at …``, ``destination down`` …"""

    delivery: DeliveryId
    run: Run
    subject: str
    received: datetime
    attempt: int
    why: str


@dataclass(frozen=True, slots=True)
class LaneReport:
    """What the worker holds of one lane, over its partitions. ``delivered`` counts from the report's ``since`` on."""

    lane: Lane
    pending: int
    in_flight: int
    delivered: int
    oldest: Waiting | None


@dataclass(frozen=True, slots=True)
class DestinationReport:
    """The record's key is ``<destination>/<worker>``; the last one counts, and none that is older than 15 s.

    ``worker`` is ``<host>:<process id>``. ``until`` is when the next call is made at the earliest, where the state is
    ``down`` or ``throttled``; ``reason`` says why it is not ``up``. ``since`` is when the worker began. A record
    without a value says that the worker stopped.
    """

    destination: str
    worker: str
    at: datetime
    since: datetime
    revision: str
    state: DestinationState
    reason: str | None
    until: datetime | None
    partitions: tuple[int, ...]
    lanes: tuple[LaneReport, ...]


class ProcessKind(StrEnum):
    """What takes up revisions of the configuration, and says so."""

    WORKER = "worker"
    INGRESS = "ingress"


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """Which revision of ``hub.yaml`` a process runs. In ``hub.reports``, beside those of destinations; the record's key
    is ``/<kind>/<process>``, the last one counts, and none that is older than 15 s.

    ``process`` is ``<host>:<process id>``, ``since`` when it took up ``revision``. ``refused`` is a newer revision that
    it cannot take up, ``problem`` why; what it ran before stays in force there. A record without a value says that the
    process stopped.
    """

    kind: ProcessKind
    process: str
    at: datetime
    revision: str
    since: datetime
    refused: str | None
    problem: str | None
