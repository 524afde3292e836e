"""What is compared in the end: everything that was promised, and everything that is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.decision import Decision
from schemas.identity import DeliveryId
from schemas.outcome import Outcome
from tests.chaos.events import ChaosEvent
from tests.chaos.load import Accepted
from tests.chaos.schedule import Window

Body = tuple[str, str]
"""What tells an event from every other: its id, and the SHA-256 of its body."""


class Place(NamedTuple):
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A record of ``hub.events``; ``digest`` is what its value has, not what it says."""

    id: str
    number: int
    subject: str
    digest: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """An effect at a destination: of which body, when (seconds since 1970), and under which id where it is told one."""

    event_id: str
    digest: str
    at: float
    delivery: str | None = None


@dataclass(frozen=True, slots=True)
class LoggedOutcome:
    """An outcome and its partition; a sequence of them is in the order of the log within each partition."""

    partition: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """``delivery`` is None where the record could not be read."""

    delivery: DeliveryId | None
    value: bytes


@dataclass(frozen=True, slots=True)
class Collected:
    """``decisions`` are the last for each event. ``arrivals`` are those of endpoints, ``rows`` the ids in the table,
    ``lines`` the events in an archive, ``lag`` the topics with work left. Destinations are keys where a mapping has
    names.
    """

    accepted: Sequence[Accepted] = ()
    too_late: Sequence[ChaosEvent] = ()
    events: Mapping[Place, Stored] = field(default_factory=dict)
    decisions: Mapping[Place, Decision] = field(default_factory=dict)
    outcomes: Mapping[str, Sequence[LoggedOutcome]] = field(default_factory=dict)
    dead_letters: Sequence[DeadLetter] = ()
    arrivals: Mapping[str, Sequence[Arrival]] = field(default_factory=dict)
    rows: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lines: Mapping[str, Sequence[Body]] = field(default_factory=dict)
    lag: Mapping[str, int] = field(default_factory=dict)
    unsigned: Sequence[str] = ()
    garbage: Sequence[bytes] = ()
    windows: Sequence[Window] = ()
