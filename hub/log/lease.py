"""One of many processes does what only one needs to: whoever Kafka gives partition 0 to, in a group for that.

A group has one owner of each partition, and gives it to another when that one dies: nothing else is to be kept, and no
clock compared. For a moment after a pause there can be two; it is for work that two may do without harm.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from hub.log.connection import KafkaConnection

_SESSION_MS = 10_000
_FOREVER_MS = 2**31 - 1


class Lease:
    """``held`` changes with the group; ``until_held`` waits for it."""

    def __init__(self) -> None:
        self._held = asyncio.Event()

    @property
    def held(self) -> bool:
        return self._held.is_set()

    async def until_held(self) -> None:
        await self._held.wait()

    def _change(self, *, held: bool) -> None:
        if held:
            self._held.set()
        else:
            self._held.clear()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    def __init__(self, lease: Lease, consumer: AIOKafkaConsumer, wanted: TopicPartition) -> None:
        self._lease = lease
        self._consumer = consumer
        self._wanted = wanted

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        if self._wanted in revoked:
            self._lease._change(held=False)  # noqa: SLF001  (the two are one thing)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._consumer.pause(*assigned)  # nothing is to be read
        self._lease._change(held=self._wanted in assigned)  # noqa: SLF001


@asynccontextmanager
async def lease(connection: KafkaConnection, group: str, topic: str) -> AsyncIterator[Lease]:
    """Take part in ``group`` until the block ends. ``topic`` must exist. Raises KafkaError where Kafka is away."""
    found = Lease()
    consumer = AIOKafkaConsumer(
        **connection.aiokafka(),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="latest",
        session_timeout_ms=_SESSION_MS,
        heartbeat_interval_ms=1000,
        max_poll_interval_ms=_FOREVER_MS,  # nothing is polled; aiokafka would leave the group for that
    )
    consumer.subscribe([topic], listener=_Listener(found, consumer, TopicPartition(topic, 0)))
    await consumer.start()
    try:
        yield found
    finally:
        await consumer.stop()
