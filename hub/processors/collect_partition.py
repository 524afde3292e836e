"""One partition of a destination that collects, during one assignment: gather → seal → store → outcomes → offset.

A range is contiguous in its topic, and done as a whole: its records are acknowledged together, so that what a crash
leaves begins where a range began. What is not sealed is dropped when the assignment ends, and gathered again.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from connectors.api import CollectingDestination, Span
from hub.delivery.budget import Budget
from hub.log.records import MalformedRecordError, decode_delivery
from hub.processors.catch_up import Apart
from hub.processors.gathering import Gathering
from hub.processors.index_keeping import SAVE_EVERY, IndexKeeper
from hub.processors.outcome_index import OutcomeIndex
from hub.processors.partitions import Feed
from hub.processors.range_writing import RangeWriter
from hub.processors.shared import Shared
from hub.processors.window import Received
from schemas.delivery import DeliveryRecord
from schemas.identity import DeliveryKey
from schemas.lane import Lane
from schemas.report import Waiting

_log = logging.getLogger(__name__)

_AT_ONCE = 100  # decoding more would hold up the event loop
_CANCEL_TIMEOUT = 10.0


class PartitionCollection:
    """Runs until it is cancelled. What it holds may be looked at meanwhile.

    One range is written at a time: whether a delivery is a copy then depends on nothing but the log. Ranges that an
    earlier worker sealed come first, for the same reason. A collection is stored by the instance of the connector that
    made it: when another takes over, everything is gathered again (`Partitions.read_again`).
    """

    def __init__(
        self,
        shared: Shared,
        feed: Feed,
        index: OutcomeIndex,
        keeper: IndexKeeper,
        incarnations: Mapping[str, str],
        budget: Budget,
    ) -> None:
        self._shared = shared
        self._feed = feed
        self._index = index
        self._keeper = keeper
        self._incarnations = incarnations
        self._budget = budget
        self._batching = shared.settings.entry.batching
        self._lanes = {shared.topics.deliveries(shared.name, lane): lane for lane in Lane}
        self._sealed = {topic: sealed for topic in self._lanes if (sealed := feed.sealed(topic)) is not None}
        self._waiting: dict[str, deque[Received]] = {topic: deque() for topic in self._lanes}
        self._gathered: dict[str, Gathering] = {}
        self._taken: set[DeliveryKey] = set()
        self._writer = RangeWriter(shared, feed, index)
        self._writing: tuple[Gathering, asyncio.Task[None]] | None = None
        self.delivered: Counter[Lane] = Counter()
        self.in_flight: Counter[Lane] = Counter()

    async def run(self) -> None:
        """Raises NewerFormatError and RecordTooLargeError: nothing here can go on then."""
        try:
            while True:
                self._end_writing()
                if self._writing is None:  # what is written is known to the index, or not at all
                    await self._keeper.keep()
                for received in self._feed.take(_AT_ONCE):
                    self._waiting[received.tp.topic].append(received)
                for topic in self._sealed or self._waiting:
                    await self._gather(topic)
                self._begin_writing()
                await self._sleep()
        finally:
            for key in list(self._gathered):
                self._budget.drop(self._key(key))
            if self._writing is not None:
                self._writing[1].cancel()
            if unfinished := [*filter(None, [self._writing and self._writing[1], self._keeper.saving])]:
                await asyncio.wait(unfinished, timeout=_CANCEL_TIMEOUT)

    def count(self) -> Mapping[Lane, int]:
        counts = dict.fromkeys(Lane, 0)
        for topic, lane in self._lanes.items():
            counts[lane] += len(self._waiting[topic]) + len(self._gathered.get(topic, ()))
        if self._writing is not None:
            counts[self._writing[0].lane] += len(self._writing[0])
        return counts

    def oldest(self, lane: Lane, now: datetime) -> Waiting | None:
        if self._writing is not None and self._writing[0].lane is lane and self._writing[0].first is not None:
            return replace(self._writing[0].first, why="being written")
        for one in self._gathered.values():
            if one.lane is lane and one.first is not None:
                written = now + timedelta(seconds=max(0.0, min(self._due(one) - time.monotonic(), 86_400)))
                return replace(one.first, why=f"collected, written by {written.isoformat(timespec='seconds')}")
        return None

    # -- gathering

    async def _gather(self, topic: str) -> None:
        waiting = self._waiting[topic]
        while waiting and not self._is_full(self._gathered.get(topic)):
            gathered = self._gathered.get(topic) or self._begin(topic, waiting[0])
            if gathered is None:
                return
            room = self._batching.max_records if gathered.sealed is None else len(gathered.sealed)
            batch = [waiting.popleft() for _ in range(min(_AT_ONCE, len(waiting), max(1, room - len(gathered))))]
            if gathered.sealed is not None:
                while batch and batch[-1].offset >= gathered.sealed.stop:  # the log lost the end of the range
                    waiting.appendleft(batch.pop())
                    gathered.end = gathered.sealed.stop
            await self._take_in(gathered, batch)
            self._budget.hold(self._key(topic), gathered.size, self._feed.wake.set)
            self._feed.made_room()

    def _begin(self, topic: str, first: Received) -> Gathering | None:
        """None: the connector cannot; it is asked again."""
        sealed = self._sealed.get(topic)
        start = first.offset if sealed is None else sealed.start
        span = Span(topic, self._incarnations[topic], self._feed.partition, start)
        try:
            with self._shared.connector.use() as destination:
                assert isinstance(destination, CollectingDestination)
                collection = destination.collect(span)
        except Exception:  # noqa: BLE001  (a plugin may raise anything; the others must run)
            _log.exception("a connector cannot begin a collection", extra={"destination": self._shared.name})
            return None
        gathered = self._gathered[topic] = Gathering(topic, self._lanes[topic], start, collection, sealed)
        return gathered

    async def _take_in(self, gathered: Gathering, batch: Sequence[Received]) -> None:
        read: list[tuple[Received, DeliveryRecord | MalformedRecordError]] = []
        for received in batch:
            try:
                read.append((received, decode_delivery(received.record.headers, received.record.value)))
            except MalformedRecordError as error:
                read.append((received, error))
        records = [record for _, record in read if isinstance(record, DeliveryRecord)]
        await self._shared.settings.know(records)
        keys = [record.key for record in records]
        known = dict(zip(keys, self._index.lookup(keys), strict=True))
        for received, record in read:
            if isinstance(record, MalformedRecordError):
                gathered.add_unreadable(received, record)
            elif record.key in self._taken or ((before := known[record.key]) is not None and before.terminal):
                gathered.pass_over(received)  # a copy: route was interrupted, or it has its end
            else:
                self._taken.add(record.key)
                gathered.add(received, record, self._shared)

    # -- writing

    def _begin_writing(self) -> None:
        if self._writing is not None:
            return
        now = time.monotonic()
        due = [one for one in self._gathered.values() if self._is_full(one) or self._due(one) <= now]
        due += [one for topic, one in self._gathered.items() if self._budget.is_due(self._key(topic))]
        if not due:
            return
        gathered = min(due, key=lambda one: one.since)
        del self._gathered[gathered.topic]
        self._sealed.pop(gathered.topic, None)
        self._budget.drop(self._key(gathered.topic))
        self._budget.begin(gathered.size)
        writing = asyncio.create_task(self._write(gathered))
        writing.add_done_callback(lambda _: self._feed.wake.set())
        self._writing = gathered, writing

    async def _write(self, gathered: Gathering) -> None:
        self.in_flight[gathered.lane] += len(gathered)
        try:
            if not await self._writer.write(gathered):
                await asyncio.Event().wait()  # the assignment is ending, and this task with it
            self.delivered[gathered.lane] += len(gathered.keys)
            self._taken.difference_update(gathered.keys)
            if gathered.sealed is not None and not self._sealed:
                self._index.incomplete = False
        finally:
            self.in_flight[gathered.lane] -= len(gathered)
            self._budget.end(gathered.size)

    def _end_writing(self) -> None:
        if self._writing is not None and self._writing[1].done():
            self._writing[1].result()
            self._writing = None

    # -- in between

    def _is_full(self, gathered: Gathering | None) -> bool:
        if gathered is None:
            return False
        if gathered.sealed is not None:
            return gathered.end >= gathered.sealed.stop
        return len(gathered) >= self._batching.max_records or gathered.size >= self._batching.max_bytes

    def _due(self, gathered: Gathering) -> float:
        """When it is written although it is not full."""
        return float("inf") if gathered.sealed is not None else gathered.since + self._batching.max_wait.total_seconds()

    def _key(self, topic: str) -> tuple[str, int]:
        return topic, self._feed.partition

    async def _sleep(self) -> None:
        """Until something arrives, a range is written, or one is due."""
        wake = self._feed.wake
        due = [self._due(one) for one in self._gathered.values()] if self._writing is None else []
        seconds = max(0.0, min([SAVE_EVERY, *(moment - time.monotonic() for moment in due)]))
        timer = asyncio.get_running_loop().call_later(seconds, wake.set)
        try:
            await wake.wait()
        finally:
            timer.cancel()


def apart(feed: Feed, topics: Mapping[str, Lane]) -> Apart | None:
    """What outcomes speak of a range that is sealed and not done; None where there is no such range."""
    ranges = {lane: sealed for topic, lane in topics.items() if (sealed := feed.sealed(topic)) is not None}
    return (lambda outcome: outcome.offset in ranges.get(outcome.lane, ())) if ranges else None
