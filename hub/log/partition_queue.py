"""What waits for one partition, in its order, and how each part of it is answered."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder

from hub.log.record import Record


class WriteFailedError(Exception):
    """The write was not acknowledged; whether the record is in the log is unknown. Writing it again is safe."""


@dataclass(slots=True, eq=False)
class Run:
    """Records that were handed over together and are answered together.

    ``answer`` gets the offset of the only record, or the list of all offsets where ``single`` is false. A run whose
    answer is done already (given up, cancelled) is not written any further.
    """

    records: Sequence[Record]
    sizes: Sequence[int]
    answer: asyncio.Future[Any]
    expires: float
    single: bool
    taken: int = 0
    offsets: list[int] = field(default_factory=list)


class PartitionQueue:
    """Runs in the order they came: those that wait, and the parts of them that are in the batch in flight.

    ``fill`` opens a batch; exactly one of ``acknowledge`` and ``fail`` closes it before the next ``fill``.

    Args:
        released: called with (records, bytes) once they are answered, whatever the answer.
    """

    def __init__(self, topic: str, partition: int, released: Callable[[int, int], None]) -> None:
        self.partition = TopicPartition(topic, partition)
        self.idle = True
        """Nothing waits and nothing is in flight. Kept by who commits."""
        self._released = released
        self._runs: deque[Run] = deque()
        self._in_flight: list[tuple[Run, int]] = []

    def append(self, run: Run) -> None:
        self._runs.append(run)

    def __len__(self) -> int:
        """How many runs wait, in whole or in part."""
        return len(self._runs)

    @property
    def expires(self) -> float:
        """When the first that waits is to be given up, by the monotonic clock."""
        return self._runs[0].expires

    def fill(self, batch: BatchBuilder) -> bool:
        """Move records to the batch until it is full; whether there are any, and not all were given up."""
        append = batch.append
        taken = self._in_flight
        while self._runs:
            run = self._runs[0]
            start = run.taken
            if not run.answer.done():
                taken.append((run, 0))
                for record in run.records[start:] if start else run.records:
                    # None: the batch is full, and this record is not in it.
                    if (
                        append(
                            key=record.key, value=record.value, headers=record.headers, timestamp=record.timestamp_ms
                        )
                        is None
                    ):
                        break
                    run.taken += 1
                taken[-1] = (run, run.taken - start)
                if run.taken < len(run.records):
                    return True
            self._runs.popleft()
            if run.taken < len(run.records):  # given up
                self._release(run, run.taken, len(run.records))
        return bool(taken)

    def acknowledge(self, first: int) -> None:
        """The batch is written, and its first record has this offset."""
        taken, self._in_flight = self._in_flight, []
        for run, count in taken:
            end = len(run.offsets) + count
            self._release(run, end - count, end)
            run.offsets.extend(range(first, first + count))
            first += count
            if end == len(run.records) and not run.answer.done():
                run.answer.set_result(run.offsets[0] if run.single else run.offsets)

    def fail(self, reason: str) -> None:
        """Nobody knows whether the batch is written."""
        taken, self._in_flight = self._in_flight, []
        for run, count in taken:
            self._release(run, run.taken - count, run.taken)
            self._refuse(run, reason)

    def give_up(self, which: Callable[[Run], bool], reason: str) -> None:
        """Fail runs that wait."""
        kept = deque[Run]()
        for run in self._runs:
            if which(run):
                self._release(run, run.taken, len(run.records))
                self._refuse(run, reason)
            else:
                kept.append(run)
        self._runs = kept

    def _refuse(self, run: Run, reason: str) -> None:
        if not run.answer.done():
            topic, partition = self.partition
            where = f"partition {partition} of {topic}"
            run.answer.set_exception(WriteFailedError(f"not acknowledged by {where}: {reason}"))

    def _release(self, run: Run, start: int, end: int) -> None:
        self._released(end - start, sum(run.sizes[start:end]))
