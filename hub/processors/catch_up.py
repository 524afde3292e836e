"""Reads what an outcome index has missed: from its position to the end of the partition, as it is now."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from hub.log.connection import KafkaConnection
from hub.log.mending import guarded_consumer
from hub.log.records import MalformedRecordError, decode_outcome
from hub.processors.outcome_index import DEDUPE_WINDOW, OutcomeIndex, fingerprint
from schemas.outcome import Outcome

_log = logging.getLogger(__name__)

_PAUSE = 1.0  # seconds between tries while the broker is away
_SLOW = 5.0  # seconds after which a catch-up is worth a line


Apart = Callable[[Outcome], bool]
"""Whether an outcome is of a range that is not done: it must not keep that range from being stored again."""


class OutcomeReader:
    """Of one destination's outcomes topic. Connects when first needed; one partition is read at a time."""

    def __init__(self, connection: KafkaConnection, topic: str, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._topic = topic
        self._clock = clock
        self._consumer: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()

    async def catch_up(self, index: OutcomeIndex, partition: int, apart: Apart | None = None) -> int:
        """Make the index complete up to the end that the partition has after this call began; how many were read.

        An index that belongs to another log is emptied first. What is to be kept ``apart`` is not learned; the
        index then is `incomplete`. While the broker is away this waits.

        Raises:
            NewerFormatError: a newer hub wrote here.
        """
        began = time.monotonic()
        async with self._turn:
            while (count := await self._try(index, TopicPartition(self._topic, partition), apart)) is None:  # noqa: ASYNC110  (the broker tells nobody)
                await asyncio.sleep(_PAUSE)
        if (seconds := time.monotonic() - began) > _SLOW:
            _log.info(
                "caught up", extra={"topic": self._topic, "partition": partition, "read": count, "seconds": seconds}
            )
        return count

    async def close(self) -> None:
        await self._disconnect()

    async def _try(self, index: OutcomeIndex, partition: TopicPartition, apart: Apart | None) -> int | None:
        try:
            return await self._catch_up(index, partition, apart)
        except (KafkaError, OSError) as error:
            _log.warning("outcomes cannot be read", extra={"topic": self._topic, "error": repr(error)})
            await self._disconnect()
            return None

    async def _catch_up(self, index: OutcomeIndex, partition: TopicPartition, apart: Apart | None) -> int:
        consumer = await self._connected()
        consumer.assign([partition])
        begin = (await consumer.beginning_offsets([partition]))[partition]
        end = (await consumer.end_offsets([partition]))[partition]
        if not await self._goes_on(consumer, index, partition, begin, end):
            index.reset()
        if index.position is None:
            index.begin_at(await self._start(consumer, partition, begin, end))
        assert index.position is not None
        consumer.seek(partition, index.position)
        count = 0
        while index.position < end:
            records = (await consumer.getmany(partition, timeout_ms=1000, max_records=5000)).get(partition, [])
            if records:
                outcomes = [outcome for record in records if (outcome := _outcome(record))]
                if apart is not None:
                    kept = [outcome for outcome in outcomes if not apart(outcome)]
                    index.incomplete = index.incomplete or len(kept) < len(outcomes)
                    outcomes = kept
                index.learn(outcomes)
                index.begin_at(records[-1].offset + 1, fingerprint(records[-1].value))
                count += len(records)
                await asyncio.sleep(0)
            elif await consumer.position(partition) >= end:  # what is left are gaps
                break
        return count

    async def _goes_on(
        self, consumer: AIOKafkaConsumer, index: OutcomeIndex, partition: TopicPartition, begin: int, end: int
    ) -> bool:
        """Whether the record before the index's position is the one it saw there."""
        if not index.position:  # nothing was before
            return True
        if not begin < index.position <= end:
            return False
        consumer.seek(partition, index.position - 1)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            records = (await consumer.getmany(partition, timeout_ms=1000, max_records=1)).get(partition)
            if records:
                return records[0].offset == index.position - 1 and fingerprint(records[0].value) == index.witness
        return False

    async def _start(self, consumer: AIOKafkaConsumer, partition: TopicPartition, begin: int, end: int) -> int:
        """The first outcome young enough to matter."""
        oldest = int((self._clock() - DEDUPE_WINDOW).timestamp() * 1000)
        found = (await consumer.offsets_for_times({partition: oldest}))[partition]
        return max(begin, found.offset) if found else end

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = guarded_consumer(
                self._connection,
                auto_offset_reset="earliest",
                max_partition_fetch_bytes=4_000_000,
                fetch_max_wait_ms=100,
            )
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer

    async def _disconnect(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()


def _outcome(record: "ConsumerRecord[bytes, bytes]") -> Outcome | None:
    try:
        return decode_outcome(record.value)
    except MalformedRecordError as error:
        _log.warning(
            "not an outcome, skipped",
            extra={"topic": record.topic, "partition": record.partition, "offset": record.offset, "error": str(error)},
        )
        return None
