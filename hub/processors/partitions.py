"""Splits what an app reads into its partitions, each worked on by a task of its own, which ends with the assignment."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from faust.types import TP

from hub.processors.transport import SafeConsumer, batches
from hub.processors.window import Received

_log = logging.getLogger(__name__)

_READ_AT_ONCE = 2000
_LEASE_PAUSE = 0.05  # seconds
_CANCEL_TIMEOUT = 5.0  # seconds for a cancelled task to end before its successor begins all the same


class Feed:
    """The records of one partition number of some topics during one assignment, each topic's in order. At most a
    window's worth of each topic is ever in it.

    ``wake`` is set when something arrives; who works on it may set it for reasons of its own.
    """

    def __init__(
        self, consumer: SafeConsumer, topics: Sequence[str], partition: int, epoch: int, may_begin: asyncio.Event
    ) -> None:
        self._may_begin = may_begin
        self.partition = partition
        self.epoch = epoch
        self.wake = asyncio.Event()
        self._consumer = consumer
        self._records: dict[str, deque[Received]] = {topic: deque() for topic in topics}

    def put(self, topic: str, records: Iterable[Received]) -> None:
        self._records[topic].extend(records)
        self.wake.set()

    def take(self, limit: int) -> list[Received]:
        """What has arrived, at most ``limit`` and no topic more than its share of that; ``wake`` is set while there is
        more.
        """
        waiting = [records for records in self._records.values() if records]
        taken: list[Received] = []
        for records in waiting:
            taken += [records.popleft() for _ in range(min(max(1, limit // len(waiting)), len(records)))]
        if not any(waiting):
            self.wake.clear()
        return taken

    async def begin(self, records: list[Received]) -> bool:
        """Ask before every piece of work; it is then waited for. False: do nothing, the assignment is ending.

        Waits while it is not certain that the partition is still ours, and while all work is to rest.
        """
        await self._may_begin.wait()
        while not self._consumer.leased:  # noqa: ASYNC110  (another thread renews it)
            await asyncio.sleep(_LEASE_PAUSE)
        if not all(map(self._consumer.is_current, records)):
            return False
        self._consumer.begin(records)
        return True

    @property
    def current(self) -> bool:
        """Whether the assignment goes on."""
        return self.epoch == self._consumer.epoch

    def sealed(self, topic: str) -> range | None:
        """What an earlier worker sealed and may have stored: the offsets from the first that is not done on."""
        return self._consumer.sealed(TP(topic, self.partition)) if self.current else None

    async def seal(self, topic: str, start: int, end: int) -> bool:
        """Let every successor know that the range from ``start``, the first record that is not done, ends at ``end``.

        False: that is not certain; do nothing, and ask again for the same end, if the assignment goes on.
        """
        return self.current and await self._consumer.seal(TP(topic, self.partition), start, end)

    async def committed_up_to(self, topic: str, offset: int) -> bool:
        """Commit what is acknowledged; whether Kafka certainly has at least this offset."""
        return self.current and await self._consumer.committed_up_to(TP(topic, self.partition), offset)

    def release(self, records: Iterable[Received]) -> None:
        """The work ended without success and begins again later."""
        self._consumer.release(records)

    def made_room(self) -> None:
        """The contents of records were let go: more may be read."""
        self._consumer.made_room()

    def ack(self, records: Iterable[Received]) -> None:
        """Everything the records caused is acknowledged: their offsets may be committed."""
        for received in records:
            self._consumer.ack(received)


Work = Callable[[Feed], Awaitable[None]]
"""Works on one partition until it is cancelled. Raising means that the process cannot go on."""


class Partitions:
    """Registers the agents of an app, one for each topic. ``work`` is run for every partition number that has records,
    whichever of the topics they are of: Faust gives all topics of an app with the same number of partitions to the
    same worker, partition by partition. ``failed`` is called when ``work`` raises: whoever owns the app must then stop
    it, since that partition would rest.
    """

    def __init__(self, app: Any, topics: Sequence[str], work: Work, failed: Callable[[BaseException], None]) -> None:
        self._work = work
        self._failed = failed
        self._tasks: dict[int, tuple[int, Feed, asyncio.Task[None]]] = {}
        self._consumer: SafeConsumer = app.consumer
        self._may_begin = asyncio.Event()
        self._may_begin.set()
        self._consumer.when_void(self._cancel_all)
        self._topics = topics
        for topic in topics:
            source = app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
            app.agent(source, name=topic, concurrency=1)(self._read)

    async def _read(self, stream: Any) -> None:
        async for batch in batches(stream, _READ_AT_ONCE):
            first = batch[0]
            self._feed(first.tp.partition, first.epoch).put(first.tp.topic, batch)

    def _feed(self, partition: int, epoch: int) -> Feed:
        before = self._tasks.get(partition)
        if before and before[0] == epoch:
            return before[1]
        feed = Feed(self._consumer, self._topics, partition, epoch, self._may_begin)
        predecessor = before[2] if before else None
        task = asyncio.create_task(self._run(feed, predecessor), name=f"{self._topics[0]}-{partition}")
        task.add_done_callback(partial(self._ended, feed))
        self._tasks[partition] = (epoch, feed, task)
        return feed

    async def _run(self, feed: Feed, predecessor: asyncio.Task[None] | None) -> None:
        if predecessor and not predecessor.done():
            predecessor.cancel()
            await asyncio.wait({predecessor}, timeout=_CANCEL_TIMEOUT)
        await self._work(feed)

    @asynccontextmanager
    async def resting(self) -> AsyncIterator[None]:
        """Nothing begins during the block; what had begun has ended before it, or is left alone after a while."""
        self._may_begin.clear()
        try:
            await self._consumer.quiet()
            yield
        finally:
            self._may_begin.set()

    def read_again(self) -> None:
        """End all work and begin it anew from what is committed, as after a rebalance in which nothing moved."""
        self._consumer.read_again()

    def _ended(self, feed: Feed, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception() or RuntimeError(
            f"work on partition {feed.partition} of {self._topics[0]} ended by itself"
        )
        self._failed(error)

    def _cancel_all(self) -> None:
        for _, _, task in self._tasks.values():
            task.cancel()

    async def close(self) -> None:
        """Cancel everything and wait for it, not for long. After ``app.stop``."""
        self._cancel_all()
        tasks = [task for _, _, task in self._tasks.values()]
        if tasks:
            _, hung = await asyncio.wait(tasks, timeout=_CANCEL_TIMEOUT)
            for task in hung:
                _log.error("work ignores being cancelled", extra={"task": task.get_name()})
