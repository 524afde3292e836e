"""Dead letters as people choose and count them. Pure."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from hub.delivery.dead_letters import LetterState
from hub.log.records import MalformedRecordError, decode_delivery
from schemas.identity import DeliveryKey, Run

_MOST_GROUPS = 1000
_GROUPED_ERROR = 100
"""Characters of an error that tell one group from another."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One record of ``hub.dead-letters``, without its body. ``key`` None: nobody can read what it was.

    ``event`` is ``<source>/<event id>``, ``received`` when the hub accepted it; ``died`` when the record was written.
    """

    partition: int
    offset: int
    died: datetime
    key: DeliveryKey | None
    error: str
    event: str = ""
    received: datetime | None = None
    route: str = ""
    destination: str = ""
    attempt: int = 0

    @property
    def place(self) -> str:
        """What an unreadable letter is called by: ``<partition>:<offset>``."""
        return f"{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class JudgedLetter:
    """A letter, what became of its delivery, and the run that a redrive or a discard would have."""

    letter: Letter
    state: LetterState
    next_run: Run


def read_letter(record: Any) -> Letter:
    """A letter out of a record as kafka-python has it.

    Raises:
        NewerFormatError
    """
    died = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    try:
        delivery = decode_delivery(record.headers, record.value)
    except MalformedRecordError as error:
        reason = dict(record.headers).get("ce_huberror") or str(error).encode()
        return Letter(record.partition, record.offset, died, None, reason.decode(errors="replace"))
    event = f"{delivery.event.source}/{delivery.event.id}"
    return Letter(
        partition=record.partition,
        offset=record.offset,
        died=died,
        key=delivery.key,
        error=delivery.error or "",
        event=event,
        received=delivery.event.received,
        route=delivery.route,
        destination=delivery.destination,
        attempt=delivery.attempt,
    )


@dataclass(frozen=True)
class Choice:
    """Which dead letters are meant; what is None is not asked about.

    ``error`` is a part of the error, or a pattern for all of it with ``*`` and ``?``; capitals don't matter. ``id`` is
    a delivery's id, an event's id (with its source before it, or not), or a letter's place. Died in [since, until).
    """

    destination: str | None = None
    route: str | None = None
    error: str | None = None
    id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def accepts(self, letter: Letter) -> bool:
        return (
            self.destination in {None, letter.destination}
            and self.route in {None, letter.route}
            and (self.error is None or self._error.search(letter.error) is not None)
            and (self.id is None or self.id in _names(letter))
        )

    @cached_property
    def _error(self) -> re.Pattern[str]:
        text = self.error or ""
        if not set("*?") & set(text):
            return re.compile(re.escape(text), re.IGNORECASE)
        wild = re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")
        return re.compile(rf"\A{wild}\Z", re.IGNORECASE | re.DOTALL)


def _names(letter: Letter) -> set[str]:
    if letter.key is None:
        return {letter.place}
    return {letter.place, letter.key.id, letter.event, letter.event.partition("/")[2]}


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """Letters that are counted together. ``error`` has its figures replaced by ``#``, so that like meets like."""

    destination: str
    route: str
    error: str


_OTHERS = "(other errors)"


@dataclass(slots=True)
class Tally:
    """Letters by destination, route and error. However many errors there are, it stays small."""

    groups: Counter[Group] = field(default_factory=Counter)

    def add(self, letters: Iterable[Letter]) -> None:
        for letter in letters:
            error = re.sub(r"\d+", "#", letter.error)
            group = Group(letter.destination, letter.route, error[:_GROUPED_ERROR])
            known = group in self.groups or len(self.groups) < _MOST_GROUPS
            self.groups[group if known else Group(letter.destination, "", _OTHERS)] += 1

    @property
    def total(self) -> int:
        return self.groups.total()

    def by_destination(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for group, count in self.groups.items():
            found[group.destination] += count
        return found
