"""The newest records of a topic, as they come, in memory: one reader for any number of listeners.

A listener is a position. Whoever is too slow for what is kept here reads the log instead, and comes back.
"""

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, TypeAlias

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from hub.log.admin_client import KafkaUnavailableError
from hub.log.connection import KafkaConnection
from hub.log.mending import guarded_consumer

_log = logging.getLogger(__name__)

_PAUSE = 1.0  # seconds after an error
_AT_ONCE = 2000
_OVERHEAD = 500  # bytes of a record beside what it holds

LogRecord: TypeAlias = "ConsumerRecord[bytes, bytes]"
_Ask: TypeAlias = Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, Any]]]


@dataclass
class _Partition:
    """``end`` is the next offset to come, ``size`` in bytes. What is kept ends there and has no gaps."""

    end: int
    kept: list[LogRecord] = field(default_factory=list)
    size: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def start(self) -> int:
        return self.kept[0].offset if self.kept else self.end


class LiveLog:
    """``async with LiveLog(…) as live``: from then on every record is kept, until ``max_bytes`` are.

    For one event loop. Entering raises KafkaUnavailableError.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        topic: str,
        partitions: int,
        *,
        max_bytes: int = 16_000_000,
        timeout: float = 15.0,
    ) -> None:
        self.topic = topic
        self._count = partitions
        self._connection = connection
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._partitions: dict[int, _Partition] = {}
        self._changed = asyncio.Event()
        self._consumer: Any = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def ends(self) -> Mapping[int, int]:
        """Partition → the next offset to come."""
        return {number: one.end for number, one in self._partitions.items()}

    @property
    def failure(self) -> BaseException | None:
        """Why nothing comes any more, if so."""
        reading = self._reading
        return reading.exception() if reading is not None and reading.done() and not reading.cancelled() else None

    def start(self, partition: int) -> int:
        """The first offset from which on everything is kept."""
        return self._partitions[partition].start

    def since(self, partition: int, offset: int, most: int) -> list[LogRecord]:
        """The next records from an offset on, which is not before ``start``."""
        kept = self._partitions[partition].kept
        first = bisect_left(kept, offset, key=lambda record: record.offset)
        return kept[first : first + most]

    async def first(self) -> dict[int, int]:
        """Partition → the first offset that is still in the log. Raises KafkaUnavailableError."""
        return await self._ask(self._consumer.beginning_offsets)

    async def last(self) -> dict[int, int]:
        """Partition → the next offset that Kafka will give. Raises KafkaUnavailableError."""
        return await self._ask(self._consumer.end_offsets)

    async def at(self, moment: datetime) -> dict[int, int]:
        """Partition → the first offset written at that time or later. Raises KafkaUnavailableError."""
        milliseconds = max(int(moment.timestamp() * 1000), 0)
        found = await self._ask(lambda ours: self._consumer.offsets_for_times(dict.fromkeys(ours, milliseconds)))
        return {number: self.ends[number] if one is None else one.offset for number, one in found.items()}

    async def _ask(self, ask: _Ask) -> dict[int, Any]:
        try:
            async with asyncio.timeout(self._timeout):
                found = await ask([TopicPartition(self.topic, number) for number in range(self._count)])
        except (KafkaError, TimeoutError) as error:
            raise KafkaUnavailableError(self._connection, error) from error
        return {one.partition: value for one, value in found.items()}

    def signal(self, partition: int | None) -> asyncio.Event:
        """It is set when something comes to that partition (None: to any) after this call."""
        return self._changed if partition is None else self._partitions[partition].changed

    async def __aenter__(self) -> Self:
        self._consumer = guarded_consumer(
            self._connection,
            auto_offset_reset="none",  # what cannot be found is for the listeners to hear of
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=4_000_000,
            request_timeout_ms=int(self._timeout * 1000),
        )
        try:
            async with asyncio.timeout(self._timeout):
                await self._consumer.start()
                await self._assign()
        except BaseException as error:
            await asyncio.sleep(0)  # aiokafka cannot stop what has not run at all yet
            await self._consumer.stop()
            if isinstance(error, KafkaError | TimeoutError):
                raise KafkaUnavailableError(self._connection, error) from error
            raise
        self._reading = asyncio.create_task(self._read(), name=f"newest of {self.topic}")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._reading is not None
        self._reading.cancel()
        await asyncio.wait([self._reading])
        await self._consumer.stop()

    async def _assign(self) -> None:
        partitions = [TopicPartition(self.topic, number) for number in range(self._count)]
        self._consumer.assign(partitions)
        ends = await self._consumer.end_offsets(partitions)
        for one in partitions:
            self._consumer.seek(one, ends[one])
            self._partitions[one.partition] = _Partition(ends[one])

    async def _read(self) -> None:
        while True:
            try:
                found = await self._consumer.getmany(timeout_ms=1000, max_records=_AT_ONCE)
            except KafkaError as error:
                if not error.retriable:
                    raise
                _log.warning("the log cannot be followed at the moment", extra={"topic": self.topic, "error": error})
                await asyncio.sleep(_PAUSE)
                continue
            for one, records in found.items():
                self._keep(self._partitions[one.partition], records)
            if found:
                event, self._changed = self._changed, asyncio.Event()
                event.set()

    def _keep(self, partition: _Partition, records: list[LogRecord]) -> None:
        partition.kept += records
        partition.size += sum(map(_size, records))
        partition.end = records[-1].offset + 1
        most = self._max_bytes // self._count
        if partition.size > most:  # down to three quarters, so that the list is not moved for every record
            dropped = 0
            while partition.size > most * 3 // 4:
                partition.size -= _size(partition.kept[dropped])
                dropped += 1
            del partition.kept[:dropped]
        event, partition.changed = partition.changed, asyncio.Event()
        event.set()


def _size(record: LogRecord) -> int:
    return len(record.value or b"") + sum(len(value or b"") for _, value in record.headers) + _OVERHEAD
