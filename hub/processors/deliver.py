"""Deliver: works off ``<hub>.deliveries.<destination>``. One app, which is one consumer group, per destination.

For each partition, after each assignment: read the outcomes to their end, then for every record verdict → attempt →
dead letter → outcome → offset, each acknowledged before the next.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from connectors.api import Context, OutgoingHttp
from connectors.context import utc_now
from hub.config.model import Configuration, DestinationEntry
from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from hub.processors.app import make_app
from hub.processors.catch_up import OutcomeReader
from hub.processors.connector import Connector
from hub.processors.deliver_partition import PartitionDelivery
from hub.processors.destination_settings import DestinationSettings
from hub.processors.gate import Gate
from hub.processors.outcome_index import OutcomeIndex
from hub.processors.partitions import Feed, Partitions

_log = logging.getLogger(__name__)


class Deliver:
    """The processor of one destination. Build it in the running loop, ``start`` it once, ``stop`` it once.

    ``failed`` is called when it cannot go on; the process must then stop, and begin anew.
    """

    def __init__(
        self,
        entry: DestinationEntry,
        configuration: Configuration,
        connection: KafkaConnection,
        topics: Topics,
        writer: LogWriter,
        http: OutgoingHttp,
        home: Path,
        *,
        failed: Callable[[BaseException], None],
        session_timeout: float = 6.0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.name = f"deliver.{entry.name}"
        self.topic = topics.deliveries(entry.name)
        self.app = make_app(topics.deliver_group(entry.name), connection, session_timeout=session_timeout)
        self._settings = DestinationSettings(configuration, entry)
        self._topics = topics
        self._writer = writer
        self._clock = clock
        self._indexes = home / "outcomes" / topics.hub / entry.name
        self._gate = Gate()
        self._slots = asyncio.Semaphore(entry.settings.concurrency)
        self._reader = OutcomeReader(connection, topics.outcomes(entry.name), clock)
        self._connector = Connector(entry, Context(entry.name, home, logging.getLogger(f"hub.{entry.name}"), http))
        self._partitions = Partitions(self.app, self.topic, self._work, failed)
        self.app.finalize()

    async def start(self) -> None:
        await self.app.start()

    async def stop(self) -> None:
        """Drain, commit what was delivered, close the connector; each with a deadline."""
        await self.app.stop()
        await self._partitions.close()
        await self._connector.close()
        await self._reader.close()

    async def _work(self, feed: Feed) -> None:
        index = await asyncio.to_thread(OutcomeIndex.open, self._indexes / str(feed.partition))
        try:
            await self._reader.catch_up(index, feed.partition)
            delivery = PartitionDelivery(
                feed=feed,
                index=index,
                destination=await self._connector.ready(),
                settings=self._settings,
                topics=self._topics,
                writer=self._writer,
                gate=self._gate,
                slots=self._slots,
                catch_up=self._catch_up,
                clock=self._clock,
            )
            await delivery.run()
        finally:
            if index.position is not None:
                index.checkpoint(self._clock())()
            index.close()

    async def _catch_up(self, index: OutcomeIndex, partition: int) -> None:
        await self._reader.catch_up(index, partition)
