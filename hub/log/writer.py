"""The writer: appends records to the log, bounded, in order, and answers each only when it is durable."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from hub.log.connection import KafkaConnection
from hub.log.group_commit import GroupCommit
from hub.log.partition_queue import Run, WriteFailedError
from hub.log.producer import HealingProducer
from hub.log.record import Record

__all__ = ["LogWriter", "RecordTooLargeError", "WriteFailedError", "WriterFullError"]

_RECORD_OVERHEAD = 100
"""Bytes of a record and its batch beside key, value and headers: 21 and 61 at most, rounded up."""

_HEADER_OVERHEAD = 4
"""Two lengths per header, of one or two bytes for what the budgets allow."""


class WriterFullError(Exception):
    """Too much waits to be acknowledged (or the writer is stopping). Nothing was written; try again later."""


class RecordTooLargeError(ValueError):
    """The record would exceed the topics' ``max.message.bytes``. Nothing was written; it never will fit."""


class LogWriter:
    """Group commit: per leader one produce request in flight, and all that waits shares the next. For one event loop.

    Idempotent, ``acks=all``, no compression. It heals by itself: after an outage of any length, writing goes on.

    Args:
        max_pending_records: bound of what is not acknowledged yet, over all partitions.
        max_pending_bytes: the same in bytes; at least one record.
        max_record_bytes: largest record, headers included.
        max_batch_bytes: largest batch of several records: at most the topics' ``max.message.bytes``, which refuses a
            larger one for good. As large as a record by default.
        delivery_timeout: seconds after which a record that Kafka does not take fails; twice that long when it was
            waiting behind another batch.
        drain_timeout: seconds that `stop` waits for acknowledgements.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        *,
        max_pending_records: int,
        max_pending_bytes: int,
        max_record_bytes: int,
        max_batch_bytes: int | None = None,
        delivery_timeout: float = 10.0,
        drain_timeout: float = 10.0,
    ) -> None:
        if max_pending_records < 1 or max_pending_bytes < max_record_bytes:
            raise ValueError("a writer must have room for at least one record of the largest size")
        batch = max_record_bytes if max_batch_bytes is None else max_batch_bytes
        self._producer = HealingProducer(connection, max_batch_bytes=batch, timeout=delivery_timeout)
        self._max_pending_records = max_pending_records
        self._max_pending_bytes = max_pending_bytes
        self._max_record_bytes = max_record_bytes
        self._delivery_timeout = delivery_timeout
        self._drain_timeout = drain_timeout
        self._pending_records = 0
        self._pending_bytes = 0
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()
        self._commit = GroupCommit(self._producer, self._released, delivery_timeout)
        self._stopping = False

    @property
    def healthy(self) -> bool:
        """Kafka answered within the last seconds and there is room for more."""
        return self._producer.healthy and not self._stopping and self._pending_records < self._max_pending_records

    @property
    def pending(self) -> tuple[int, int]:
        """Records and bytes that are not acknowledged yet."""
        return self._pending_records, self._pending_bytes

    async def start(self) -> None:
        """Connect. Returns after ``delivery_timeout`` also without Kafka; `healthy` then is false until it appears."""
        await self._producer.start()

    async def stop(self) -> None:
        """Take no more, wait for acknowledgements up to ``drain_timeout``, then give up. Safe to call twice."""
        self._stopping = True
        self._changed.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._drain_timeout):
                await self._until(lambda: self._pending_records == 0)
        await self._commit.stop()
        await self._producer.stop()

    def append(self, topic: str, partition: int, record: Record) -> asyncio.Future[int]:
        """Hand over one record; the future is its offset, once every in-sync replica has it.

        Records of one partition are written in the order of the calls. Cancelling the future gives the record up;
        it may have been written all the same.

        Raises:
            RecordTooLargeError, WriterFullError: at once; nothing is written.
            WriteFailedError: from the future; whether it was written is unknown.
        """
        size = self._checked_size(record)
        if self._stopping:
            raise WriterFullError("the writer is stopping")
        if not self._has_room(1, size):
            raise WriterFullError(
                f"{self._pending_records} records ({self._pending_bytes:,} bytes) wait for Kafka to acknowledge them"
            )
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._put(topic, partition, Run((record,), (size,), answer, self._expiry(), single=True))
        return answer

    async def append_all(self, topic: str, partition: int, records: Sequence[Record]) -> list[int]:
        """Write records in their order; returns their offsets once all are acknowledged. Waits for room.

        Raises:
            RecordTooLargeError: nothing is written.
            WriteFailedError: a part of them, in their order, may have been written.
        """
        sizes = [self._checked_size(record) for record in records]
        answers: list[asyncio.Future[list[int]]] = []
        start = 0
        try:
            async with self._turn:  # first come, first served: no caller starves another
                while start < len(records):
                    await self._until(partial(self._stopping_or_room, sizes[start]))
                    if self._stopping:
                        raise WriteFailedError("the writer is stopping")
                    end = self._fitting(sizes, start)
                    answer: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
                    answers.append(answer)
                    run = Run(records[start:end], sizes[start:end], answer, self._expiry(), single=False)
                    self._put(topic, partition, run)
                    start = end
            offsets = await asyncio.gather(*answers)
        finally:
            for answer in answers:
                answer.cancel()
        return [offset for part in offsets for offset in part]

    def _put(self, topic: str, partition: int, run: Run) -> None:
        self._pending_records += len(run.records)
        self._pending_bytes += sum(run.sizes)
        self._commit.put(topic, partition, run)

    def _released(self, records: int, size: int) -> None:
        self._pending_records -= records
        self._pending_bytes -= size
        self._changed.set()

    def _has_room(self, records: int, size: int) -> bool:
        return (
            self._pending_records + records <= self._max_pending_records
            and self._pending_bytes + size <= self._max_pending_bytes
        )

    def _stopping_or_room(self, size: int) -> bool:
        return self._stopping or self._has_room(1, size)

    def _fitting(self, sizes: Sequence[int], start: int) -> int:
        end, total = start, 0
        while end < len(sizes) and self._has_room(end - start + 1, total + sizes[end]):
            total += sizes[end]
            end += 1
        return end

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def _expiry(self) -> float:
        return time.monotonic() + self._delivery_timeout

    def _checked_size(self, record: Record) -> int:
        size = _RECORD_OVERHEAD + len(record.key or b"") + len(record.value or b"")
        for name, value in record.headers:
            size += _HEADER_OVERHEAD + len(name) + len(value)
        if size > self._max_record_bytes:
            raise RecordTooLargeError(
                f"the record takes {size:,} bytes with its headers; at most {self._max_record_bytes:,} fit"
            )
        return size
