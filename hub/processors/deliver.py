"""Deliver: works off the lanes of ``<hub>.deliveries.<destination>``. One app, one consumer group, per destination.

For each partition, after each assignment: read the outcomes to their end, then for every record verdict → attempt →
retry or dead letter → outcome → offset, each acknowledged before the next.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

from hub.config.model import Configuration, DestinationEntry
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError
from hub.processors.app import make_app
from hub.processors.catch_up import OutcomeReader
from hub.processors.collect_partition import PartitionCollection, apart
from hub.processors.controls import Controls
from hub.processors.deliver_partition import PartitionDelivery
from hub.processors.discarding import PartitionDiscarding
from hub.processors.equipment import Equipment, equip
from hub.processors.gate import Gate
from hub.processors.index_keeping import IndexKeeper
from hub.processors.index_opening import opened_index
from hub.processors.outcome_index import OutcomeIndex
from hub.processors.partitions import Feed, Partitions
from hub.processors.report import report
from hub.processors.shared import Shared, Witness
from hub.processors.surroundings import Surroundings
from hub.processors.window import Limits
from hub.processors.working import Working
from schemas.lane import Lane
from schemas.report import DestinationReport

_log = logging.getLogger(__name__)

_UNREAD = 1000
"""Records of a partition that wait to be gathered: with their headers they take five times what is kept of them."""

_BROKER_PAUSE = 1.0  # seconds


class Deliver:
    """The processor of one destination. Build it in the running loop, which opens its connector; ``start`` it once,
    ``stop`` it once, also where it was not started.

    ``called`` is what the routes call the destination, where that is not the name of its topics. Nothing of a partition
    is delivered before ``before`` has returned for it. ``given_up``: as if `give_up` had been called; the connector is
    not even opened then.
    """

    def __init__(
        self,
        entry: DestinationEntry,
        around: Surroundings,
        controls: Controls,
        witness: Witness,
        *,
        called: str | None = None,
        before: Callable[[int], Awaitable[None]] | None = None,
        given_up: str | None = None,
    ) -> None:
        topics = around.configuration.topics
        self.name = f"deliver.{entry.name}"
        self.destination = entry.name
        self.topics = {topics.deliveries(entry.name, lane): lane for lane in Lane}
        self.app = make_app(
            topics.deliver_group(entry.name), around.connection, _limits(entry), session_timeout=around.session_timeout
        )
        self.gate = Gate()
        self._controls = controls
        controls.listen(self._obey)
        self._obey(entry.name)
        self._around = around
        self._admin = LogAdmin(around.connection, around.configuration.layout)
        self._equipment = equip(entry, around, self._taken_over, called, opens=given_up is None)
        self._before = before
        self._witness = witness
        self._indexes = around.home / "outcomes" / topics.hub / entry.name
        self._reader = OutcomeReader(around.connection, topics.outcomes(entry.name), around.clock)
        self._working: dict[int, Working] = {}
        self._incarnations: Mapping[str, str] = {}
        self._partitions = Partitions(self.app, list(self.topics), self._work, around.failed)
        self._started = False
        self._given_up = given_up
        self.app.finalize()

    @property
    def entry(self) -> DestinationEntry:
        return self._equipment.entry

    async def start(self) -> None:
        await self._learn_incarnations(self.entry)
        self._started = True
        await self.app.start()

    async def tried(self) -> None:
        """Return when its connector is open, or could not be opened at the first try; it is tried again then."""
        await self._equipment.connector.tried()

    def use(self, configuration: Configuration) -> None:
        """From now on this is what routes say of the destination, whose own entry is the same as before."""
        self._equipment.settings.use(configuration)

    async def equipped(self, entry: DestinationEntry, around: Surroundings, called: str | None = None) -> Equipment:
        """What it could deliver with instead; opened, or tried once. For `exchange`, or to be closed."""
        equipment = equip(entry, around, self._taken_over, called)
        try:
            await self._learn_incarnations(entry)
            await equipment.connector.tried()
        except BaseException:
            await equipment.connector.close()
            raise
        return equipment

    @asynccontextmanager
    async def resting(self) -> AsyncIterator[None]:
        """Nothing is delivered during the block, and what was under way has ended and is written down, within a
        deadline. The group notices nothing.
        """
        async with self._partitions.resting():
            yield

    async def exchange(self, equipment: Equipment) -> None:
        """Deliver with this from now on, while `resting`: everything that is not done is read again. Never raises."""
        before, self._equipment = self._equipment, equipment
        self.app.consumer.limit(_limits(equipment.entry))
        self._partitions.read_again()
        self.gate.try_now()
        await before.connector.close()

    def give_up(self, reason: str) -> None:
        """From now on every delivery is discarded, with this as the reason, whether the destination is up or not."""
        if self._given_up is None:
            self._given_up = reason
            self._partitions.read_again()

    async def stop(self) -> None:
        """Drain, commit what was delivered, close the connector; each with a deadline."""
        self._controls.unlisten(self._obey)
        if self._started:
            await self.app.stop()
        await self._partitions.close()
        await self._equipment.connector.close()
        await self._reader.close()

    async def _learn_incarnations(self, entry: DestinationEntry) -> None:
        while entry.collects and not self._incarnations:
            try:
                self._incarnations = await asyncio.to_thread(self._admin.incarnations, self.topics)
            except KafkaUnavailableError as error:
                _log.warning("waiting for Kafka", extra={"destination": self.destination, "error": str(error)})
                await asyncio.sleep(_BROKER_PAUSE)

    def report(self, worker: str, since: datetime) -> DestinationReport:
        """How it stands now."""
        return report(
            self._equipment.settings,
            self.gate,
            self._working,
            problem=self._equipment.connector.problem,
            opened=self._equipment.connector.is_open,
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

    def _taken_over(self) -> None:
        """A new instance of the connector serves. What it was down for may be over by that."""
        self.gate.try_now()
        if self.entry.collects:
            self._partitions.read_again()

    async def _work(self, feed: Feed) -> None:
        if self._before is not None:
            await self._before(feed.partition)
        async with opened_index(self._indexes / str(feed.partition), self._around.clock) as index:
            await self._reader.catch_up(index, feed.partition, apart(feed, self.topics))
            equipment = self._equipment
            if self._given_up is None:
                await equipment.connector.ready()
            working = self._working[feed.partition] = self._working_on(equipment, feed, index)
            try:
                await working.run()
            finally:
                if self._working.get(feed.partition) is working:
                    del self._working[feed.partition]

    def _working_on(self, equipment: Equipment, feed: Feed, index: OutcomeIndex) -> Working:
        shared = Shared(
            connector=equipment.connector,
            settings=equipment.settings,
            topics=self._around.configuration.topics,
            writer=self._around.writer,
            gate=self.gate,
            pacer=equipment.pacer,
            slots=equipment.slots,
            witness=self._witness,
            clock=self._around.clock,
            enriching=self._around.enriching,
        )
        catch_up = partial(self._reader.catch_up, index, feed.partition)
        keeper = IndexKeeper(index, self.destination, catch_up, self._around.clock)
        if self._given_up is not None:
            return PartitionDiscarding(shared, feed, index, keeper, self._given_up)
        if equipment.entry.collects:
            return PartitionCollection(shared, feed, index, keeper, self._incarnations, equipment.budget)
        return PartitionDelivery(shared, feed, index, keeper)


def _limits(entry: DestinationEntry) -> Limits:
    """A range that is being stored, the next one that is gathered meanwhile, and all partitions within their budget."""
    if not entry.collects:
        return Limits()
    batching = entry.batching
    return Limits(2 * batching.max_records, 2 * batching.max_bytes, _UNREAD, batching.max_buffered)
