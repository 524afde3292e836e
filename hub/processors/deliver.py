"""Deliver: works off the lanes of ``<hub>.deliveries.<destination>``. One app, one consumer group, per destination.

For each partition, after each assignment: read the outcomes to their end, then for every record verdict → attempt →
retry or dead letter → outcome → offset, each acknowledged before the next.
"""

import asyncio
import logging
from datetime import datetime

from connectors.api import Context
from hub.config.model import DestinationEntry
from hub.processors.app import make_app
from hub.processors.catch_up import OutcomeReader
from hub.processors.connector import Connector
from hub.processors.controls import Controls
from hub.processors.deliver_partition import PartitionDelivery
from hub.processors.destination_settings import DestinationSettings
from hub.processors.gate import Gate
from hub.processors.outcome_index import OutcomeIndex
from hub.processors.pacing import Pacer
from hub.processors.partitions import Feed, Partitions
from hub.processors.report import report
from hub.processors.shared import Shared, Witness
from hub.processors.surroundings import Surroundings
from schemas.lane import Lane
from schemas.report import DestinationReport

_log = logging.getLogger(__name__)

_DISK_PAUSE = 1.0  # seconds


class Deliver:
    """The processor of one destination. Build it in the running loop, ``start`` it once, ``stop`` it once."""

    def __init__(self, entry: DestinationEntry, around: Surroundings, controls: Controls, witness: Witness) -> None:
        topics = around.configuration.topics
        self.name = f"deliver.{entry.name}"
        self.destination = entry.name
        self.topics = [topics.deliveries(entry.name, lane) for lane in Lane]
        self.app = make_app(topics.deliver_group(entry.name), around.connection, session_timeout=around.session_timeout)
        self.gate = Gate()
        self._controls = controls
        controls.listen(self._obey)
        self._obey(entry.name)
        self._around = around
        self._settings = DestinationSettings(around.configuration, entry)
        self._witness = witness
        self._indexes = around.home / "outcomes" / topics.hub / entry.name
        self._pacer = Pacer(entry.settings.rate_limit)
        self._slots = asyncio.Semaphore(entry.settings.concurrency)
        self._reader = OutcomeReader(around.connection, topics.outcomes(entry.name), around.clock)
        logger = logging.getLogger(f"hub.{entry.name}")
        self._connector = Connector(entry, Context(entry.name, around.home, logger, around.http))
        self._working: dict[int, PartitionDelivery] = {}
        self._partitions = Partitions(self.app, self.topics, self._work, around.failed)
        self.app.finalize()

    async def start(self) -> None:
        await self.app.start()

    async def stop(self) -> None:
        """Drain, commit what was delivered, close the connector; each with a deadline."""
        await self.app.stop()
        await self._partitions.close()
        await self._connector.close()
        await self._reader.close()

    def report(self, worker: str, since: datetime) -> DestinationReport:
        """How it stands now."""
        return report(
            self._settings,
            self.gate,
            self._working,
            problem=self._connector.problem,
            opened=self._connector.is_open,
            worker=worker,
            since=since,
            now=self._around.clock(),
        )

    def _obey(self, destination: str) -> None:
        """Somebody may have paused or resumed it."""
        if destination != self.destination:
            return
        control = self._controls.paused(destination)
        if control is None:
            self.gate.release()
        else:
            self.gate.hold(f"paused by {control.by}" + (f": {control.reason}" if control.reason else ""))

    async def _work(self, feed: Feed) -> None:
        index = await self._open_index(feed.partition)
        working: PartitionDelivery | None = None
        try:
            await self._reader.catch_up(index, feed.partition)
            shared = Shared(
                destination=await self._connector.ready(),
                settings=self._settings,
                topics=self._around.configuration.topics,
                writer=self._around.writer,
                gate=self.gate,
                pacer=self._pacer,
                slots=self._slots,
                witness=self._witness,
                clock=self._around.clock,
            )
            working = self._working[feed.partition] = PartitionDelivery(shared, feed, index, self._catch_up)
            await working.run()
        finally:
            if self._working.get(feed.partition) is working:
                self._working.pop(feed.partition, None)
            self._close_index(index)

    async def _open_index(self, partition: int) -> OutcomeIndex:
        """While its disk is full or broken, nothing can be delivered: no verdict would be safe."""
        while True:
            try:
                return await asyncio.to_thread(OutcomeIndex.open, self._indexes / str(partition))
            except OSError as error:
                extra = {"destination": self.destination, "partition": partition, "error": str(error)}
                _log.error("the outcome index cannot be opened, trying again", extra=extra)
            await asyncio.sleep(_DISK_PAUSE)

    def _close_index(self, index: OutcomeIndex) -> None:
        try:
            if index.position is not None:
                index.checkpoint(self._around.clock())()
        except OSError as error:  # whoever takes over reads a little more from the log
            _log.warning("outcome snapshot not saved", extra={"destination": self.destination, "error": str(error)})
        finally:
            index.close()

    async def _catch_up(self, index: OutcomeIndex, partition: int) -> None:
        await self._reader.catch_up(index, partition)
