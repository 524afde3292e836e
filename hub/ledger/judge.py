"""Judges one partition of a cut: does every event have its decision, and every delivery its one end? Pure.

The log is gone through in this order: decisions, lanes, tiers, dead letters, outcomes. What was committed is known from
before the ends were, so whatever is neither ended nor stands where nobody has committed yet is missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import NamedTuple, Self

from hub.ledger.digest import digest
from hub.log.cut import Range
from schemas.decision import Decision
from schemas.identity import LIVE, DeliveryKey
from schemas.outcome import Outcome, OutcomeState

_WAITING, _LETTER, _UNREADABLE, _DELIVERED, _DEAD, _DISCARDED = 1, 2, 4, 8, 16, 32
_TERMINAL = _DELIVERED | _DEAD | _DISCARDED
_STATES = {OutcomeState.DELIVERED: _DELIVERED, OutcomeState.DEAD: _DEAD, OutcomeState.DISCARDED: _DISCARDED}


class Place(NamedTuple):
    """Where a record is. ``timestamp`` is in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int

    def __str__(self) -> str:
        return f"{self.topic} partition {self.partition} offset {self.offset}"


class Loss(StrEnum):
    """What can be missing."""

    DECISION = "event without a decision"
    END = "delivery without an end"
    DEAD_LETTER = "dead without its dead letter"
    UNREADABLE = "unreadable record without its dead letter"


@dataclass(slots=True)
class Counts:
    """``events`` of the log, and the (delivery, run) they caused. Each event is decided, open, missing or unreadable;
    each delivery is delivered, dead, discarded, open, missing or unreadable. ``superseded`` counts terminal outcomes
    after a delivery's first. Unreadable is what is no record of a hub: it is in the dead letters.
    """

    events: int = 0
    decided: int = 0
    deliveries: int = 0
    delivered: int = 0
    dead: int = 0
    discarded: int = 0
    superseded: int = 0
    open_events: int = 0
    open_deliveries: int = 0
    missing_events: int = 0
    missing_deliveries: int = 0
    unreadable_events: int = 0
    unreadable_deliveries: int = 0

    @property
    def open(self) -> int:
        return self.open_events + self.open_deliveries

    @property
    def missing(self) -> int:
        return self.missing_events + self.missing_deliveries

    @property
    def unreadable(self) -> int:
        return self.unreadable_events + self.unreadable_deliveries

    def __iadd__(self, other: "Counts") -> Self:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        return self


class PartitionJudge:
    """Remembers a byte per event, and about 110 bytes per delivery: its digest and what was seen of it."""

    def __init__(self, events: Range) -> None:
        self._events = events
        self._decided = bytearray(len(events))
        self._seen: dict[bytes, int] = {}
        self._strangers: dict[bytes, Place] = {}  # unreadable records that are done, by fingerprint
        self._buried: set[bytes] = set()  # fingerprints of unreadable dead letters
        self._lost_events: list[tuple[Loss, int]] = []
        self._counts = Counts()

    # -- what is gone through, in this order

    def decided(self, _place: Place, decision: Decision) -> None:
        """Deliveries of an earlier decision for the same offset are judged as well: they are in the lanes."""
        index = decision.offset - self._events.begin
        if 0 <= index < len(self._decided):
            self._decided[index] = 1
        for one in decision.deliveries:
            self._seen.setdefault(key_digest(DeliveryKey(one.delivery, LIVE)), 0)

    def stands(self, _place: Place, key: DeliveryKey, *, waiting: bool) -> None:
        """A record of a lane or tier; ``waiting``: nobody has committed past it."""
        known = key_digest(key)
        self._seen[known] = self._seen.get(known, 0) | (_WAITING if waiting else 0)

    def stands_unreadable(self, place: Place, fingerprint: bytes, *, waiting: bool) -> None:
        """A record of a lane that is no delivery."""
        if not waiting:
            self._strangers[fingerprint] = place

    def letter(self, _place: Place, key: DeliveryKey) -> None:
        """A dead letter."""
        known = key_digest(key)
        if known in self._seen or key.run:
            self._seen[known] = self._seen.get(known, 0) | _LETTER

    def unreadable_letter(self, _place: Place, key: DeliveryKey | None, fingerprint: bytes) -> None:
        """A dead letter that is no delivery any more, though its headers may still name one."""
        self._buried.add(fingerprint)
        if key is not None and (known := key_digest(key)) in self._seen:
            self._seen[known] |= _UNREADABLE

    def ended(self, _place: Place, outcome: Outcome) -> None:
        """An outcome. The first terminal one counts."""
        flag = _STATES.get(outcome.state)
        if flag is None:
            return
        known = key_digest(outcome.key)
        before = self._seen.get(known)
        if before is None and not outcome.run:
            return  # decided before the cut begins
        if before is not None and before & _TERMINAL:
            self._counts.superseded += 1
        else:
            self._seen[known] = (before or 0) | flag

    # -- events that nobody decided

    def undecided(self) -> list[int]:
        """Offsets without a decision although route has committed past them; ``unreadable`` or ``lost`` follows for
        those that are records.
        """
        done = min(max(self._events.committed - self._events.begin, 0), len(self._decided))
        return [self._events.begin + index for index in _zeros(self._decided, done)]

    def unreadable_event(self, place: Place, fingerprint: bytes) -> None:
        """The record at an undecided offset is no event."""
        if fingerprint in self._buried:
            self._counts.unreadable_events += 1
        else:
            self._lost_events.append((Loss.UNREADABLE, place.offset))

    def lost_event(self, place: Place) -> None:
        """The record at an undecided offset is an event."""
        self._lost_events.append((Loss.DECISION, place.offset))

    # -- the verdict

    def counts(self) -> Counts:
        """Call it once, when everything was gone through."""
        counts = self._counts
        counts.decided = sum(self._decided)
        counts.missing_events = len(self._lost_events)
        done = min(max(self._events.committed - self._events.begin, 0), len(self._decided))
        counts.open_events = len(self._decided) - done - sum(self._decided[done:])
        # An offset below that is neither decided nor a record is a gap of the log, such as a transaction's marker.
        counts.events = counts.decided + counts.open_events + counts.missing_events + counts.unreadable_events
        counts.deliveries = len(self._seen) + len(self._strangers)
        for seen in self._seen.values():
            _count(counts, seen)
        for fingerprint in self._strangers:
            counts.unreadable_deliveries += fingerprint in self._buried
            counts.missing_deliveries += fingerprint not in self._buried
        return counts

    def lost_events(self) -> list[tuple[Loss, int]]:
        """(what, offset) of every missing event."""
        return self._lost_events

    def lost_deliveries(self) -> Iterator[tuple[Loss, bytes]]:
        """(what, digest of the key) of every missing delivery."""
        return ((loss, known) for known, seen in self._seen.items() if (loss := _loss(seen)) is not None)

    def lost_strangers(self) -> Iterator[Place]:
        """Where the unreadable records stood that have no dead letter."""
        return (place for fingerprint, place in self._strangers.items() if fingerprint not in self._buried)


def key_digest(key: DeliveryKey) -> bytes:
    """What stands for a (delivery, run): 128 bits, so that none is taken for another."""
    return digest(key.id, key.run)


def _loss(seen: int) -> Loss | None:
    if seen & _DEAD and not seen & (_LETTER | _UNREADABLE):
        return Loss.DEAD_LETTER
    if seen & (_TERMINAL | _WAITING | _LETTER | _UNREADABLE):
        return None
    return Loss.END


def _count(counts: Counts, seen: int) -> None:
    if _loss(seen) is not None:
        counts.missing_deliveries += 1
    elif seen & _DELIVERED:
        counts.delivered += 1
    elif seen & _DEAD:
        counts.dead += 1
    elif seen & _DISCARDED:
        counts.discarded += 1
    elif seen & _UNREADABLE:
        counts.unreadable_deliveries += 1
    else:
        counts.open_deliveries += 1


def _zeros(flags: bytearray, end: int) -> Iterator[int]:
    at = flags.find(0, 0, end)
    while at >= 0:
        yield at
        at = flags.find(0, at + 1, end)
