"""What is known of the outcomes of one partition of one destination, in files, so that a take-over reads only the tail.

The outcomes topic is the truth; this is a copy of what verdicts need of it, complete up to ``position``. It may forget
(what is older than ``window``), and never confuses: 128 bits of BLAKE2b per (delivery, run), compared in full.

The files are tables of ids, each for a stretch of time, so that forgetting is deleting a file, and a state that says up
to which offset they are complete. What cannot be read is thrown away and read again from the log.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from hub.delivery.verdict import TERMINAL, Known, Position
from hub.log.records import Record
from hub.processors.id_table import ID_BYTES, IdTable
from hub.processors.snapshot import Snapshot
from schemas.identity import DeliveryKey
from schemas.lane import Lane
from schemas.outcome import Outcome

DEDUPE_WINDOW = timedelta(hours=72)
_FIRST_BUCKETS = 2**12  # 32,768 ids in 512 kB
_MOST_BUCKETS = 2**20  # 8 million ids in 128 MB
_MOST_AHEAD = 1000
_MOST_ATTEMPTS = 100_000  # about 30 MB; of what failed and has no end yet, the oldest is forgotten


@dataclass(slots=True)
class _Stretch:
    """The ids whose outcomes ended from ``since`` on."""

    table: IdTable
    since: datetime
    newest: datetime


class OutcomeIndex:
    """Complete up to ``position`` (the next offset of the outcomes topic); None: knows nothing yet.

    ``witness`` is a fingerprint of the record before ``position``: whoever goes on from there compares it, and finds
    out that the topic was made anew, or lost its tail, whatever its offsets say now.

    For one thread, but for what ``checkpoint`` returns.
    """

    def __init__(self, snapshot: Snapshot, window: timedelta = DEDUPE_WINDOW) -> None:
        self._snapshot = snapshot
        self._window = window
        self._stretches: list[_Stretch] = []
        self._attempts: dict[bytes, Known] = {}
        self.position: int | None = None
        self.witness = b""
        self.unsaved = 0
        self.incomplete = False
        """It lacks outcomes before ``position``, which come again; until then it must not be saved."""
        self._ahead: dict[int, Record] = {}

    # -- what deliver asks

    def lookup(self, keys: Sequence[DeliveryKey]) -> list[Known | None]:
        """What is known of each key."""
        tables = [stretch.table for stretch in reversed(self._stretches)]
        found: list[Known | None] = []
        for key in keys:
            identity = _identify(key.id, key.run)
            if identity in self._attempts:
                found.append(self._attempts[identity])
            else:
                found.append(TERMINAL if any(identity in table for table in tables) else None)
        return found

    def learn(self, outcomes: Sequence[Outcome]) -> None:
        """Take in outcomes, in the order of the log. Knowing one already changes nothing."""
        ended: dict[bytes, None] = {}
        for outcome in outcomes:
            identity = _identify(outcome.delivery, outcome.run)
            if outcome.state.terminal:
                self._attempts.pop(identity, None)
                ended[identity] = None
            elif identity not in ended:
                self._remember_attempt(identity, outcome)
        if outcomes:
            self.unsaved += len(outcomes)
            newest = outcomes[-1].ended
            stretch = self._stretch_for(newest)
            stretch.newest = max(stretch.newest, newest)
            stretch.table.add(ended)

    def begin_at(self, position: int, witness: bytes = b"") -> None:
        """It is complete up to ``position``, whatever it held before; ``witness`` is of the record before that."""
        self.position, self.witness = position, witness
        self._ahead.clear()

    def appended(self, offsets: Sequence[int], records: Sequence[Record]) -> None:
        """We have written these outcomes ourselves, and learned them: ``position`` moves over what is contiguous."""
        assert self.position is not None, "nothing is written before the first catch-up"
        for offset, record in zip(offsets, records, strict=True):
            if offset >= self.position:
                self._ahead[offset] = record
        while (own := self._ahead.pop(self.position, None)) is not None:
            self.position += 1
            if self.position not in self._ahead:
                self.witness = fingerprint(own.value)

    @property
    def behind(self) -> bool:
        """Somebody else writes outcomes, too (a worker that was stopped and woke up): catch up again."""
        return len(self._ahead) > _MOST_AHEAD

    def _remember_attempt(self, identity: bytes, outcome: Outcome) -> None:
        before = self._attempts.get(identity)
        if before is None and any(identity in stretch.table for stretch in self._stretches):
            return  # it has its end
        if before is None or outcome.attempt > before.attempt:
            first = before.first_attempt if before else outcome.started
            at = Position(outcome.lane, outcome.offset)
            self._attempts[identity] = Known(False, outcome.attempt, at, outcome.moved, first)  # noqa: FBT003
            if len(self._attempts) > _MOST_ATTEMPTS:
                del self._attempts[next(iter(self._attempts))]

    def _stretch_for(self, ended: datetime) -> _Stretch:
        last = self._stretches[-1] if self._stretches else None
        if last and not last.table.full and ended - last.since < self._window / 3:
            return last
        buckets = min(last.table.buckets * 8, _MOST_BUCKETS) if last and last.table.full else _FIRST_BUCKETS
        table = IdTable(self._snapshot.folder / f"{uuid.uuid4().hex}.ids", buckets)
        self._stretches.append(_Stretch(table, ended, ended))
        return self._stretches[-1]

    # -- files

    @classmethod
    def open(cls, folder: Path, window: timedelta = DEDUPE_WINDOW) -> "OutcomeIndex":
        """Take over what earlier workers left in ``folder`` (made where missing), or begin anew. Never waits."""
        index = cls(Snapshot.claim(folder), window)
        state = index._snapshot.state
        if state is not None:
            try:
                index._restore(state)
            except (KeyError, TypeError, ValueError, OSError):
                index.reset()
        return index

    def reset(self) -> None:
        """Forget everything: the files are damaged, or belong to another log."""
        for stretch in self._stretches:
            stretch.table.close()
        self._stretches, self._attempts = [], {}
        self.position, self.witness, self.unsaved, self.incomplete = None, b"", 0, False
        self._ahead.clear()
        self._snapshot.clear()

    def checkpoint(self, now: datetime) -> Callable[[], None]:
        """Forget what is too old, and return what makes ``position`` last: it writes to disk, so run it in a thread.

        Meanwhile the index may be used, but not closed.
        """
        self.unsaved = 0
        limit = now - self._window
        expired = [stretch for stretch in self._stretches if stretch.newest < limit]
        self._stretches = [stretch for stretch in self._stretches if stretch.newest >= limit]
        self._attempts = {
            identity: known for identity, known in self._attempts.items() if (known.first_attempt or now) >= limit
        }
        state = self._state()
        written = [stretch.table for stretch in self._stretches[-2:]]

        def save() -> None:
            for table in written:
                table.sync()
            self._snapshot.store(state)
            for stretch in expired:
                stretch.table.close()
                stretch.table.path.unlink(missing_ok=True)

        return save

    def close(self) -> None:
        for stretch in self._stretches:
            stretch.table.close()
        self._snapshot.close()

    def _state(self) -> dict[str, Any]:
        return {
            "position": self.position,
            "witness": self.witness.hex(),
            "tables": [
                {
                    "file": stretch.table.path.name,
                    "buckets": stretch.table.buckets,
                    "count": stretch.table.count,
                    "since": stretch.since.isoformat(),
                    "newest": stretch.newest.isoformat(),
                }
                for stretch in self._stretches
            ],
            "attempts": [
                [identity.hex(), known.attempt, known.at.lane, known.at.offset, known.moved, known.first_attempt]
                for identity, known in self._attempts.items()
                if known.at is not None
            ],
        }

    def _restore(self, state: dict[str, Any]) -> None:
        for found in state["tables"]:
            path = self._snapshot.folder / Path(found["file"]).name
            table = IdTable(path, found["buckets"], count=found["count"], must_exist=True)
            since, newest = (datetime.fromisoformat(found[name]) for name in ("since", "newest"))
            self._stretches.append(_Stretch(table, since, newest))
        for identity, attempt, lane, offset, moved, first in state["attempts"]:
            first_attempt = first and datetime.fromisoformat(first)
            at = Position(Lane(lane), offset)
            self._attempts[bytes.fromhex(identity)] = Known(False, attempt, at, moved, first_attempt)  # noqa: FBT003
        self.position = state["position"]
        self.witness = bytes.fromhex(state["witness"])


def _identify(delivery: str, run: str) -> bytes:
    return blake2b(f"{run}\0{delivery}".encode(), digest_size=ID_BYTES).digest()


def fingerprint(value: bytes | None) -> bytes:
    """Of a record of the outcomes topic: its times make every one differ."""
    return blake2b(value or b"", digest_size=ID_BYTES).digest()
