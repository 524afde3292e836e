"""Follows ``hub.config``: reads it whole, then what comes."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from hub.log.connection import KafkaConnection
from hub.log.mending import guarded_consumer
from hub.log.revisions import PARTITION, read_to_end, revision_in
from hub.log.topics import Topics
from schemas.revision import AppliedRevision

_log = logging.getLogger(__name__)

_PAUSE = 1.0  # seconds between tries while the broker is away
_POLL_MS = 10_000


class RevisionFollower:
    """For one event loop. ``start`` it, ``close`` it at the end, also if starting failed. The topic must exist.

    While the broker is away, what was known last stays true; after that the topic is read whole again. ``changed`` is
    set each time the last revision is another one; who waits for it clears it.
    """

    def __init__(self, connection: KafkaConnection, topics: Topics) -> None:
        self._connection = connection
        self._partition = TopicPartition(topics.config, PARTITION)
        self._history: list[AppliedRevision] = []
        self._head: AppliedRevision | None = None
        self._position = -1
        self._moved = asyncio.Condition()
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.changed = asyncio.Event()

    @property
    def head(self) -> AppliedRevision | None:
        """The last revision."""
        return self._head

    @property
    def history(self) -> Sequence[AppliedRevision]:
        """Every revision, the last one included, without their texts: of these there may be many."""
        return self._history

    async def start(self) -> None:
        """Return when everything up to the end that the topic has now is known. While the broker is away this waits.

        Raises:
            NewerFormatError: a newer hub wrote here. So does what is awaited of `close`.
        """
        self._task = asyncio.create_task(self._follow(), name="revisions")
        known = asyncio.create_task(self._reach(0))
        try:
            await asyncio.wait({self._task, known}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            known.cancel()
        if self._task.done():
            self._task.result()

    async def ended(self) -> None:
        """Raises what keeps it from going on; returns when it was closed."""
        if self._task is not None:
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.result()

    async def caught_up(self) -> None:
        """Return when everything up to the end that the topic has now is known; while the broker is away this waits."""
        while True:
            consumer = self._consumer
            try:
                if consumer is not None:
                    await self._reach((await consumer.end_offsets([self._partition]))[self._partition])
                    return
            except (KafkaError, OSError):
                pass  # the one who follows says so
            await asyncio.sleep(_PAUSE / 10)

    async def close(self) -> None:
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _follow(self) -> None:
        # Not `while True`: aiokafka swallows a cancellation that comes while it closes a client.
        while not self._closing:
            try:
                await self._read()
            except (KafkaError, OSError) as error:
                _log.warning("revisions cannot be read, trying again", extra={"error": repr(error)})
            await asyncio.sleep(_PAUSE)

    async def _read(self) -> None:
        """The whole topic, then what comes, until the connection fails."""
        consumer = guarded_consumer(self._connection, auto_offset_reset="none")
        try:
            await consumer.start()
            consumer.assign([self._partition])
            self._become([found async for found in read_to_end(consumer, self._partition)])
            self._consumer = consumer
            await self._move(consumer)
            while not self._closing:
                batches = await consumer.getmany(timeout_ms=_POLL_MS)
                found = [one for record in batches.get(self._partition, []) if (one := revision_in(record))]
                if found:
                    self._become([*self._history, *found])
                await self._move(consumer)
                if not batches:
                    await consumer.end_offsets([self._partition])  # raises where polling would find nothing for ever
        finally:
            self._consumer = None
            await consumer.stop()

    def _become(self, history: Sequence[AppliedRevision]) -> None:
        before, self._head = self._head, history[-1] if history else None
        self._history = [replace(one, texts={}) for one in history]
        if self._head != before:
            self.changed.set()

    async def _move(self, consumer: AIOKafkaConsumer) -> None:
        async with self._moved:
            self._position = await consumer.position(self._partition)
            self._moved.notify_all()

    async def _reach(self, offset: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self._position >= offset)
