"""The deliveries of one partition that have no end yet: which may be tried now, in the order of their subjects."""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from schemas.identity import DeliveryKey

WorkT = TypeVar("WorkT")


@dataclass(slots=True, eq=False)
class Entry(Generic[WorkT]):
    """A delivery on its way. ``due`` is the time before which it must not be tried again (any clock, one only)."""

    key: DeliveryKey
    subject: str
    offset: int
    size: int
    work: WorkT
    due: float = 0.0
    setbacks: int = 0


@dataclass(slots=True)
class _Subject(Generic[WorkT]):
    entries: deque[Entry[WorkT]] = field(default_factory=deque)
    taken: int = 0


class Pending(Generic[WorkT]):
    """Hands out deliveries: no key twice at a time, no subject's delivery before an earlier one of it has ended or is
    handed out in the same batch, one that waits for another try holds up its subject alone.

    What was postponed comes back behind those with fewer setbacks: a destination that is down is probed with one
    delivery after the other, so that one which is always refused cannot pretend that it is down.
    """

    def __init__(self) -> None:
        self._subjects: dict[str, _Subject[WorkT]] = {}
        self._ready: list[tuple[int, int, str]] = []  # (setbacks, offset, subject), a heap
        self._delayed: list[tuple[float, int, int, str]] = []  # (due, setbacks, offset, subject), a heap
        self._copies: dict[DeliveryKey, list[Entry[WorkT]]] = {}  # every key pending, and its copies

    def __len__(self) -> int:
        return len(self._copies)

    def add(self, entry: Entry[WorkT]) -> bool:
        """Take an entry in, in the order of offsets. False for a copy of a pending key: it gets that one's end."""
        if entry.key in self._copies:
            self._copies[entry.key].append(entry)
            return False
        self._copies[entry.key] = []
        subject = self._subjects.get(entry.subject)
        if subject is None:
            subject = self._subjects[entry.subject] = _Subject()
        subject.entries.append(entry)
        if len(subject.entries) == 1:
            self._offer(subject)
        return True

    def take(self, now: float, max_records: int, max_bytes: int, *, per_subject: int) -> list[Entry[WorkT]]:
        """Entries to try now, at most ``per_subject`` of one subject. The first may be larger than ``max_bytes``."""
        while self._delayed and self._delayed[0][0] <= now:
            heapq.heappush(self._ready, heapq.heappop(self._delayed)[1:])
        taken: list[Entry[WorkT]] = []
        size = 0
        while self._ready and len(taken) < max_records:
            subject = self._subjects[self._ready[0][2]]
            if taken and size + subject.entries[0].size > max_bytes:
                break
            heapq.heappop(self._ready)
            for entry in subject.entries:
                over = len(taken) >= max_records or (taken and size + entry.size > max_bytes)
                if subject.taken == per_subject or over or entry.due > now:
                    break
                taken.append(entry)
                size += entry.size
                subject.taken += 1
        return taken

    def finish(self, entry: Entry[WorkT]) -> list[Entry[WorkT]]:
        """A taken entry has its end. Returns its copies, which share it."""
        subject = self._subjects[entry.subject]
        subject.entries.remove(entry)
        self._settle(entry.subject, subject)
        return self._copies.pop(entry.key)

    def postpone(self, entry: Entry[WorkT], due: float) -> None:
        """A taken entry is to be tried again, not before ``due``."""
        entry.due = due
        entry.setbacks += 1
        self._settle(entry.subject, self._subjects[entry.subject])

    def next_due(self) -> float | None:
        """When the next postponed entry may be tried; None if nothing waits."""
        return self._delayed[0][0] if self._delayed else None

    def waiting(self) -> Iterator[Entry[WorkT]]:
        """The first entry of each subject, in no order."""
        return (subject.entries[0] for subject in self._subjects.values())

    def _settle(self, name: str, subject: _Subject[WorkT]) -> None:
        subject.taken -= 1
        if subject.taken:
            return
        if subject.entries:
            self._offer(subject)
        else:
            del self._subjects[name]

    def _offer(self, subject: _Subject[WorkT]) -> None:
        first = subject.entries[0]
        if first.due:
            heapq.heappush(self._delayed, (first.due, first.setbacks, first.offset, first.subject))
        else:
            heapq.heappush(self._ready, (first.setbacks, first.offset, first.subject))
