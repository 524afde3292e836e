"""Status: keeps the projection of the ledger up to date. Rows and positions first, then the offset.

What was stored is known to the store itself, so that nothing is taken in twice, and a partition whose store has fallen
behind what the group has committed (it was deleted, or is another machine's) first reads what it has missed.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from functools import partial

from hub.ledger.entries import Stretch, decode_stretch
from hub.ledger.rebuild import stretches
from hub.ledger.store import Conflict, Store, StoreAwayError, store_at
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.cut import Range, ledger_topic_ids
from hub.log.news import News
from hub.log.ranges import RangeReader
from hub.processors.app import make_app
from hub.processors.partitions import Feed, Partitions
from hub.processors.status_transactions import SharedTransactions
from hub.processors.surroundings import Surroundings
from hub.processors.window import Received
from schemas.news import NewsType

_log = logging.getLogger(__name__)

_READ_AT_ONCE = 1000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0  # seconds


class Status:
    """The processor. Build it in the running loop, ``start`` it once, ``stop`` it once.

    While the database is away or full, it tries again and everything else goes on: nothing is lost, the projection is
    behind.

    Args:
        topic_ids: the ledger's topics, with Kafka's ids where they are known (`ledger_topic_ids`).
        on_conflict: called, in the loop, for each event whose source used its id before for something else.
    """

    name = "status"

    def __init__(
        self,
        store: Store,
        topic_ids: Mapping[str, str],
        around: Surroundings,
        on_conflict: Callable[[Conflict], None] = lambda _: None,
    ) -> None:
        self._topics = around.configuration.topics
        self._connection = around.connection
        self._failed = around.failed
        self.app = make_app(self._topics.status_group, around.connection, session_timeout=around.session_timeout)
        self._transactions = SharedTransactions(store, topic_ids, on_conflict, around.clock)
        self._partitions = [
            Partitions(self.app, [topic], partial(self._work, topic), around.failed) for topic in topic_ids
        ]
        self._writing: asyncio.Task[None] | None = None
        self.app.finalize()

    async def start(self) -> None:
        self._writing = asyncio.create_task(self._transactions.run(), name="status")
        self._writing.add_done_callback(self._writing_ended)
        await self.app.start()

    async def stop(self) -> None:
        """Store and commit what is under way, within a deadline."""
        await self.app.stop()
        for each in self._partitions:
            await each.close()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait({self._writing})
        self._transactions.close()

    def _writing_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    async def _work(self, topic: str, feed: Feed) -> None:
        while True:
            await feed.wake.wait()
            batch = feed.take(_READ_AT_ONCE)
            if batch:
                await self._take_in(topic, feed, batch)

    async def _take_in(self, topic: str, feed: Feed, batch: list[Received]) -> None:
        begin, end = batch[0].offset, batch[-1].offset + 1
        records = [received.record for received in batch]
        stretch = decode_stretch(self._topics, topic, feed.partition, begin, end, records)
        pause = _FIRST_PAUSE
        while await feed.begin(batch):
            try:
                position = await self._transactions.apply(stretch)
                if position >= end:
                    feed.ack(batch)
                    return
                feed.release(batch)  # reading what was missed may take long, and a rebalance does not wait for it
                await self._catch_up(stretch, position)
            except (StoreAwayError, KafkaUnavailableError) as error:
                feed.release(batch)
                _log.debug("trying again", extra={"topic": topic, "partition": feed.partition, "error": str(error)})
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _catch_up(self, stretch: Stretch, position: int) -> None:
        """Take in what is between the store's position and this stretch."""
        where = {"topic": stretch.topic, "partition": stretch.partition}
        _log.info("the projection reads what it has missed", extra={**where, "records": stretch.begin - position})
        missed = Range(stretch.topic, stretch.partition, 0, position, stretch.begin, stretch.begin)
        async with RangeReader(self._connection) as reader, aclosing(stretches(reader, self._topics, missed)) as found:
            async for each in found:
                if await self._transactions.apply_quietly(each) != each.end:
                    return  # somebody else writes, too: look again where it stands


async def make_status(around: Surroundings, news: News) -> Status:
    """The processor as ``hub.yaml`` wants it, for every topic of the ledger there is.

    Raises:
        StoreUrlError: ``status.url`` names no database.
    """
    configuration = around.configuration
    topics, store = configuration.topics, store_at(configuration.status.url, around.home, configuration.topics.hub)
    try:
        ids = await asyncio.to_thread(ledger_topic_ids, around.connection, topics)
    except (KafkaUnavailableError, LogAdminError) as error:
        _log.warning("only the configured destinations' outcomes are read", extra={"error": str(error)})
        ids = {}
    configured = dict.fromkeys([topics.decisions, *(topics.outcomes(name) for name in configuration.destinations)], "")

    def tell(conflict: Conflict) -> None:
        event = f"{conflict.source}/{conflict.id}"
        news.tell(NewsType.ID_CONFLICT, None, source=conflict.source, event=event)

    return Status(store, configured | ids, around, tell)
