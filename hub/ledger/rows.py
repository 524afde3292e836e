"""The rows of the projection. Times are microseconds since 1970, as whole numbers: the same in every database."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


BESIDE = -1
LARGEST = 2**31 - 1
"""What a column of whole numbers holds."""


class DecisionRow(NamedTuple):
    """The last decision for the event at ``offset`` of ``partition``. ``event`` is the digest of (source, id).

    ``routes`` is JSON: ``[[route, destination, lane], …]``. ``times`` says how many decisions there were.
    """

    partition: int
    offset: int
    event: bytes
    source: str
    id: str
    digest: str
    revision: str
    decided: int
    routes: str
    times: int


class DeliveryRow(NamedTuple):
    """What the outcomes say of one (delivery, run). ``key`` is the digest of the delivery's id.

    ``ordinal`` orders the runs of a delivery that follow each other: 0 the live one, n for ``r<n>``; a replay is
    BESIDE them. ``state``, ``attempts``, ``last`` and ``error`` are of the first terminal outcome, or of
    the last failed attempt where there is none. ``superseded`` counts the terminal outcomes after the first.
    """

    key: bytes
    run: str
    delivery: str
    ordinal: int
    partition: int
    route: str
    destination: str
    lane: str
    state: str
    attempts: int
    received: int
    first: int
    last: int
    error: str | None
    superseded: int


class CountRow(NamedTuple):
    """How many outcomes of one partition ended in a minute (microseconds of its beginning) with a state."""

    destination: str
    partition: int
    minute: int
    state: str
    outcomes: int


def microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
