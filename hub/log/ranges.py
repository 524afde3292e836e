"""Reads exact ranges of partitions, fast, without a consumer group."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from hub.log.admin_client import KafkaUnavailableError
from hub.log.connection import KafkaConnection
from hub.log.cut import Range
from hub.log.mending import guarded_consumer

_AT_ONCE = 2000

Records = Sequence["ConsumerRecord[bytes, bytes]"]


class RangeReader:
    """Use as ``async with``; connects when first needed. One range is read at a time, others wait for it.

    Reading raises KafkaUnavailableError when Kafka does not answer for ``timeout`` seconds.
    """

    def __init__(self, connection: KafkaConnection, timeout: float = 15.0) -> None:
        self._connection = connection
        self._timeout = timeout
        self._consumer: Any = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    async def read(self, wanted: Range) -> AsyncGenerator[Records, None]:
        """The records of a range in batches, in order. What retention has taken away meanwhile is not there.

        Who does not go through to the end must close it (``contextlib.aclosing``): others wait for that.
        """
        if not len(wanted):
            return
        partition = TopicPartition(wanted.topic, wanted.partition)
        async with self._turn:
            if self._consumer is None:
                self._consumer = await self._connected()
            self._consumer.assign([partition])
            self._consumer.seek(partition, wanted.begin)
            position, answered = wanted.begin, time.monotonic()
            while position < wanted.end:
                records, position = await self._next(partition)
                inside = [record for record in records if record.offset < wanted.end]
                if inside:
                    yield inside
                if records or position >= wanted.end:
                    answered = time.monotonic()
                elif time.monotonic() - answered > self._timeout:
                    silence = TimeoutError(f"no records of {wanted.topic} for {self._timeout:g} s")
                    raise KafkaUnavailableError(self._connection, silence)

    async def first(self, wanted: Range) -> "ConsumerRecord[bytes, bytes] | None":
        """The first record of a range."""
        async with aclosing(self.read(wanted)) as batches:
            async for records in batches:
                return records[0]
        return None

    async def _connected(self) -> Any:
        consumer = guarded_consumer(
            self._connection,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4_000_000,
            fetch_max_wait_ms=100,
            request_timeout_ms=int(self._timeout * 1000),
        )
        try:
            async with asyncio.timeout(self._timeout):
                await consumer.start()
        except BaseException as error:
            await asyncio.sleep(0)  # aiokafka cannot stop what has not run at all yet
            await consumer.stop()
            if isinstance(error, KafkaError | OSError):  # a TimeoutError is an OSError
                raise KafkaUnavailableError(self._connection, error) from error
            raise
        return consumer

    async def _next(self, partition: TopicPartition) -> tuple[Records, int]:
        try:
            found = await self._consumer.getmany(partition, timeout_ms=500, max_records=_AT_ONCE)
            return found.get(partition, []), await self._consumer.position(partition)
        except KafkaError as error:
            raise KafkaUnavailableError(self._connection, error) from error
