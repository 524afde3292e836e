"""Group commit for one partition: one batch in flight; what arrives meanwhile shares the next."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.log.producer import HealingProducer
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


class PartitionWriter:
    """Writes runs in their order. Its task lives from the first `put` to `stop`.

    Args:
        released: called with (records, bytes) once they are answered, whatever the answer.
        timeout: seconds for one batch; also how long a run waits for a producer (its ``expires``).
    """

    def __init__(
        self,
        topic: str,
        partition: int,
        producer: HealingProducer,
        released: Callable[[int, int], None],
        timeout: float,
    ) -> None:
        self._topic = topic
        self._partition = partition
        self._producer = producer
        self._released = released
        self._timeout = timeout
        self._queue: deque[Run] = deque()
        self._arrived = asyncio.Event()
        self._task = asyncio.create_task(self._write(), name=f"writer {topic}-{partition}")

    def put(self, run: Run) -> None:
        self._queue.append(run)
        self._arrived.set()

    async def stop(self) -> None:
        """Give up what is not written yet: it fails with WriteFailedError."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self._give_up(lambda _: True, "the writer stopped")

    async def _write(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                await self._commit()

    async def _commit(self) -> None:
        try:
            producer = await self._producer.current(max(self._queue[0].expires - time.monotonic(), 0))
        except TimeoutError:
            now = time.monotonic()
            self._give_up(lambda run: run.expires <= now, f"Kafka cannot be reached for {self._timeout:g} s")
            return
        taken: list[tuple[Run, int]] = []
        try:
            batch = producer.create_batch()
            self._fill(batch, taken)
            if not taken:
                return
            async with asyncio.timeout(self._timeout):
                acknowledged = await producer.send_batch(batch, self._topic, partition=self._partition)
                first = (await acknowledged).offset
            if first < 0:  # DuplicateSequenceNumber: written before, but the broker has forgotten where
                raise LookupError("the broker does not know the offset any more")
        except BaseException as error:
            self._fail(taken, error)
            if not isinstance(error, Exception):
                raise
            self._producer.replace(producer, error)
        else:
            self._acknowledge(taken, first)

    def _fill(self, batch: Any, taken: list[tuple[Run, int]]) -> None:
        """Move records from the queue to the batch until it is full."""
        append = batch.append
        while self._queue:
            run = self._queue[0]
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
                    return
            self._queue.popleft()
            if run.taken < len(run.records):  # given up
                self._release(run, run.taken, len(run.records))

    def _acknowledge(self, taken: list[tuple[Run, int]], first: int) -> None:
        for run, count in taken:
            end = len(run.offsets) + count
            self._release(run, end - count, end)
            run.offsets.extend(range(first, first + count))
            first += count
            if end == len(run.records) and not run.answer.done():
                run.answer.set_result(run.offsets[0] if run.single else run.offsets)

    def _fail(self, taken: list[tuple[Run, int]], error: BaseException) -> None:
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, TimeoutError):
            reason = f"no answer within {self._timeout:g} s"
        elif isinstance(error, asyncio.CancelledError):
            reason = "the writer stopped"
        for run, count in taken:
            self._release(run, run.taken - count, run.taken)
            self._refuse(run, reason)

    def _give_up(self, which: Callable[[Run], bool], reason: str) -> None:
        kept = deque[Run]()
        for run in self._queue:
            if which(run):
                self._release(run, run.taken, len(run.records))
                self._refuse(run, reason)
            else:
                kept.append(run)
        self._queue = kept

    def _refuse(self, run: Run, reason: str) -> None:
        if not run.answer.done():
            where = f"partition {self._partition} of {self._topic}"
            run.answer.set_exception(WriteFailedError(f"not acknowledged by {where}: {reason}"))

    def _release(self, run: Run, start: int, end: int) -> None:
        self._released(end - start, sum(run.sizes[start:end]))
