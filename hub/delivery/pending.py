"""The deliveries of one partition that have no end yet: which may be tried now, by lane and in order of subjects."""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from hub.delivery.turns import Turns
from schemas.identity import DeliveryKey
from schemas.lane import Lane

WorkT = TypeVar("WorkT")


@dataclass(slots=True, eq=False)
class Entry(Generic[WorkT]):
    """A delivery on its way. ``due`` is the time before which it must not be tried again (any clock, one only).

    ``alone``: it has failed before, perhaps with all that was in the batch, so it must not take others with it again.
    """

    key: DeliveryKey
    subject: str
    offset: int
    size: int
    work: WorkT
    lane: Lane = Lane.NORMAL
    alone: bool = False
    due: float = 0.0
    setbacks: int = 0
    taken: bool = False


@dataclass(slots=True)
class _Subject(Generic[WorkT]):
    entries: deque[Entry[WorkT]] = field(default_factory=deque)
    taken: int = 0


_SubjectKey = tuple[Lane, str]


class Pending(Generic[WorkT]):
    """Hands out deliveries: no key twice at a time, no subject's delivery before an earlier one of it (in its lane) has
    ended or is handed out in the same batch, one that waits for another try holds up its subject alone.

    What was postponed comes back behind those with fewer setbacks: a destination that is down is probed with one
    delivery after the other, so that one which is always refused cannot pretend that it is down.
    """

    def __init__(self) -> None:
        self._subjects: dict[_SubjectKey, _Subject[WorkT]] = {}
        self._ready: dict[
            Lane, list[tuple[int, int, str]]
        ] = {}  # lane → heap of (setbacks, offset, subject), none empty
        self._delayed: list[tuple[float, int, int, _SubjectKey]] = []  # a heap: due, setbacks, offset, subject
        self._copies: dict[DeliveryKey, list[Entry[WorkT]]] = {}  # every key pending, and its copies
        self._turns = Turns()

    def __len__(self) -> int:
        return len(self._copies)

    def add(self, entry: Entry[WorkT]) -> bool:
        """Take an entry in, in the order of offsets. False for a copy of a pending key: it gets that one's end."""
        if entry.key in self._copies:
            self._copies[entry.key].append(entry)
            return False
        self._copies[entry.key] = []
        subject = self._subjects.get((entry.lane, entry.subject))
        if subject is None:
            subject = self._subjects[entry.lane, entry.subject] = _Subject()
        subject.entries.append(entry)
        if len(subject.entries) == 1:
            self._offer(subject)
        return True

    def is_ready(self, now: float) -> bool:
        """Whether ``take`` would give anything."""
        return bool(self._ready) or bool(self._delayed and self._delayed[0][0] <= now)

    def take(self, now: float, max_records: int, max_bytes: int, *, per_subject: int) -> list[Entry[WorkT]]:
        """Entries to try now, at most ``per_subject`` of one subject. The first may be larger than ``max_bytes``.

        Lanes take turns by their weights. An entry that must go ``alone`` is the only one.
        """
        while self._delayed and self._delayed[0][0] <= now:
            _, setbacks, offset, (lane, name) = heapq.heappop(self._delayed)
            heapq.heappush(self._ready.setdefault(lane, []), (setbacks, offset, name))
        taken: list[Entry[WorkT]] = []
        size = 0
        while self._ready and len(taken) < max_records:
            lane = self._turns.next(self._ready)
            subject = self._subjects[lane, self._ready[lane][0][2]]
            first = subject.entries[0]
            if taken and (first.alone or size + first.size > max_bytes):
                break
            self._pop(lane)
            for entry in subject.entries:
                over = len(taken) >= max_records or (taken and size + entry.size > max_bytes)
                if subject.taken == per_subject or over or entry.due > now or (entry.alone and taken):
                    break
                entry.taken = True
                taken.append(entry)
                size += entry.size
                subject.taken += 1
            if taken[-1].alone:
                break
        return taken

    def finish(self, entry: Entry[WorkT]) -> list[Entry[WorkT]]:
        """A taken entry has its end here. Returns its copies, which share it."""
        subject = self._subjects[entry.lane, entry.subject]
        subject.entries.remove(entry)
        self._settle(entry, subject)
        return self._copies.pop(entry.key)

    def postpone(self, entry: Entry[WorkT], due: float) -> None:
        """A taken entry is to be tried again, not before ``due``."""
        entry.due = due
        entry.setbacks += 1
        self.put_back(entry)

    def put_back(self, entry: Entry[WorkT]) -> None:
        """A taken entry was not tried."""
        self._settle(entry, self._subjects[entry.lane, entry.subject])

    def next_due(self) -> float | None:
        """When the next postponed entry may be tried; None if nothing waits."""
        return self._delayed[0][0] if self._delayed else None

    def waiting(self) -> Iterator[Entry[WorkT]]:
        """The first entry of each subject, in no order."""
        return (subject.entries[0] for subject in self._subjects.values())

    def count(self) -> dict[Lane, int]:
        """How many entries there are in each lane, copies not counted."""
        counts = dict.fromkeys(Lane, 0)
        for (lane, _), subject in self._subjects.items():
            counts[lane] += len(subject.entries)
        return counts

    def _settle(self, entry: Entry[WorkT], subject: _Subject[WorkT]) -> None:
        entry.taken = False
        subject.taken -= 1
        if subject.taken:
            return
        if subject.entries:
            self._offer(subject)
        else:
            del self._subjects[entry.lane, entry.subject]

    def _offer(self, subject: _Subject[WorkT]) -> None:
        first = subject.entries[0]
        if first.due:
            heapq.heappush(self._delayed, (first.due, first.setbacks, first.offset, (first.lane, first.subject)))
        else:
            heapq.heappush(self._ready.setdefault(first.lane, []), (first.setbacks, first.offset, first.subject))

    def _pop(self, lane: Lane) -> None:
        heap = self._ready[lane]
        heapq.heappop(heap)
        if not heap:
            del self._ready[lane]
