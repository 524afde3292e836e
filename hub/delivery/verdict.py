"""Whether a delivery that was read is to be delivered, by what is known of its outcomes."""

from dataclasses import dataclass
from datetime import datetime

from schemas.lane import Lane


@dataclass(frozen=True, slots=True)
class Position:
    """A record of a deliveries topic, within its partition."""

    lane: Lane
    offset: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the outcomes say about one (delivery, run).

    ``attempt`` is the last attempt that failed, ``at`` the record it decided, ``moved`` whether another record (of a
    retry tier) carries the delivery on, ``first_attempt`` when the first attempt began. Where ``terminal``, nothing
    else counts.
    """

    terminal: bool
    attempt: int = 0
    at: Position | None = None
    moved: bool = False
    first_attempt: datetime | None = None


TERMINAL = Known(terminal=True)


@dataclass(frozen=True, slots=True)
class Deliver:
    """Make this attempt (1 is the first). ``first_attempt`` is when the first began, None if this is it."""

    attempt: int
    first_attempt: datetime | None = None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Do nothing: it has its end, or another record carries it on."""


def judge(
    attempts_before: int, first_attempt: datetime | None, at: Position, known: Known | None
) -> Deliver | Duplicate:
    """Judge the record ``at`` some place, written after ``attempts_before`` attempts of which the first began at
    ``first_attempt``.

    A record whose next attempt was already decided is done, unless it was decided in this very place and waits here
    for the next one: at another place it was a copy of this record (``route`` or ``delay`` was interrupted after
    writing it), and whoever made that attempt carries the delivery on.
    """
    if known is None:
        return Deliver(attempts_before + 1, first_attempt)
    if known.terminal:
        return Duplicate()
    if known.attempt > attempts_before and (known.moved or known.at != at):
        return Duplicate()
    return Deliver(max(attempts_before, known.attempt) + 1, known.first_attempt or first_attempt)
