"""Faust with a consumer that loses nothing.

Stock faust-streaming 0.15.3 commits past events that failed, still run, or were cancelled. Every override below says
which failure of it is replaced; ``tests/e2e/test_processors_transport.py`` shows each, with stock Faust as the control.
The overridden methods are private: faust-streaming, mode-streaming and aiokafka are pinned exactly.

The rules for using it: agents iterate ``batches`` with ``concurrency=1``, and ``ack`` a record when everything it
caused is acknowledged. No ``take``, tables, ``exactly_once``, ``async for`` over the stream, Faust serializers.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any, ClassVar, cast

from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError
from faust.transport.conductor import Conductor
from faust.transport.consumer import Fetcher
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service
from mode.types import ServiceT

from hub.processors.consumer_thread import SafeConsumerThread, boot_clock
from hub.processors.membership import Member
from hub.processors.seal import read_seal, write_seal
from hub.processors.window import Limits, Received, Window

_log = logging.getLogger(__name__)


class SafeConsumer(driver.Consumer):
    """At least once that really is at least once."""

    logger = driver.logger

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._windows: dict[TP, Window] = {}
        self._begun: set[Received] = set()
        self._quiet = asyncio.Event()  # nothing is begun
        self._quiet.set()
        self._room = asyncio.Event()  # a window moved
        self.epoch = 0
        """Changes whenever partitions come, go, or are read again: work of another epoch is void."""
        self._joined = False
        self._fetched = 0.0  # when records last came
        self._seals: dict[TP, range] = {}
        self._when_void: list[Callable[[], None]] = []
        super().__init__(*args, **kwargs)
        assert isinstance(self.transport, SafeTransport)
        self._limits = self.transport.limits

    _thread: SafeConsumerThread

    def _new_consumer_thread(self) -> SafeConsumerThread:
        return SafeConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # -- what agents call

    def when_void(self, callback: Callable[[], None]) -> None:
        """Call this whenever the epoch changes: everything that was handed out is void."""
        self._when_void.append(callback)

    def is_current(self, received: Received) -> bool:
        """Whether work on the record may begin: it is of this assignment, and nobody waits for us to end."""
        return received.epoch == self.epoch and self.flow_active

    @property
    def leased(self) -> bool:
        """Whether the partitions are certainly ours, so that an effect now is nobody else's as well."""
        return boot_clock() < self._thread.lease

    def begin(self, records: Iterable[Received]) -> None:
        """Work on these records begins: a stop or a revoke waits for them, until ``ack`` or ``release``."""
        self._begun.update(records)
        if self._begun:
            self._quiet.clear()

    def release(self, records: Iterable[Received]) -> None:
        """Work on these records ended without success (they wait for another try): nobody need wait for them."""
        self._begun.difference_update(records)
        if not self._begun:
            self._quiet.set()

    def ack(self, received: Received) -> bool:  # type: ignore[override]  # agents get Received, not Faust's messages
        # Replaces _acked, _acked_index and _gap, whose min() is off by one and whose gaps swallow a delivered record.
        self._begun.discard(received)
        if not self._begun:
            self._quiet.set()
        if received.acked or received.epoch != self.epoch:
            return False
        received.acked = True
        window = self._windows[received.tp]
        if window.records[0] is received:
            window.settle()
            self._room.set()
        return True

    def stalled(self) -> bool:
        """Whether it is no member of its group now, or does not hand out what a partition has."""
        if self.app.rebalancing or not self._joined:
            return True
        idle = [tp for tp in self.assignment() if tp not in self._windows or not self._windows[tp].records]
        return any(self._thread.is_behind(tp) for tp in idle)

    def made_room(self) -> None:
        """Contents were let go: more may be read."""
        self._room.set()

    def limit(self, limits: Limits) -> None:
        """Other limits from now on."""
        self._limits = limits
        self._room.set()

    async def quiet(self) -> None:
        """Return when no work is under way, or after as long as a stop would wait for it; commits what is done."""
        try:
            async with asyncio.timeout(self._limits.stop):
                await self._quiet.wait()
        except TimeoutError:
            _log.warning(
                "work did not end in time, it will be read again",
                extra={"group": self.app.conf.id, "records": len(self._begun), "timeout": self._limits.stop},
            )
        await self.commit()

    def read_again(self) -> None:
        """Everything that was handed out is void, and is handed out again from the committed offsets on."""
        self._forget()

    @property
    def member(self) -> Member:
        """Who we are in the group, as far as we know."""
        return Member(*self._thread.member(), self.epoch)

    @property
    def in_doubt(self) -> bool:
        """Whether only the brokers can tell that all is well: a member without a partition, or long without an answer
        to a heartbeat.
        """
        return self._joined and not self.app.rebalancing and (not self.assignment() or not self.leased)

    @property
    def held_bytes(self) -> int:
        """What was handed out and is not done with, of all partitions."""
        return sum([window.bytes for window in self._windows.values()])

    # -- sealing

    def sealed(self, tp: TP) -> range | None:
        """The range that begins at the partition's committed offset, where it is sealed (`hub.processors.seal`)."""
        return self._seals.get(tp)

    async def seal(self, tp: TP, start: int, end: int) -> bool:
        """Note that the range from ``start``, where the partition's watermark is, ends at ``end``. False: it is not
        certain that Kafka has it; ask again, for the same end.
        """
        self._seals[tp] = range(start, end)
        if not await self._commit({tp: start}):
            return False
        self._committed_offset[tp] = start
        return True

    async def committed_up_to(self, tp: TP, offset: int) -> bool:
        """Commit what is done with; whether it is certain that Kafka has at least ``offset`` of the partition."""
        if (self._committed_offset[tp] or 0) < offset:
            await self.commit()  # which may only have waited for an earlier one
        return (self._committed_offset[tp] or 0) >= offset

    # -- committing

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        # A commit without its note would break the seal of a range that is being stored.
        return await self._thread.commit_noted({tp: (offset, self._note(tp, offset)) for tp, offset in offsets.items()})

    def _note(self, tp: TP, offset: int) -> str:
        sealed = self._seals.get(tp)
        return write_seal(sealed.stop) if sealed is not None and offset in sealed else ""

    def _filter_tps_with_pending_acks(self, topics: Collection[Any] | None = None) -> Iterator[TP]:
        return iter([tp for tp in self._windows if topics is None or tp in topics or tp.topic in topics])

    def _new_offset(self, tp: TP) -> int | None:
        return self._windows[tp].watermark

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002  (Faust's signature)
        # Stock remembers offsets as committed even when the commit failed, and then never repeats it.
        if not await self._commit(offsets):
            return False
        self._committed_offset.update(offsets)
        return True

    # -- rebalance and stop

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        # Stock forgets the acks first and then waits for running work, so nothing of it is committed: duplicates.
        await self._on_partitions_revoked(revoked)  # the app: stop the flow, drop buffers, wait_empty, signal
        self._forget()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._forget()
        self._thread.lease = boot_clock() + self.app.conf.broker_session_timeout
        await super().on_partitions_assigned(assigned, generation_id)
        self._joined = True

    async def wait_empty(self) -> None:
        # Stock collects garbage and commits per ack here, and waits for a hung handler for ever.
        timeout = self._limits.stop if self.app.should_stop else self._limits.revoke
        try:
            async with asyncio.timeout(timeout):
                await self._quiet.wait()
        except TimeoutError:
            _log.warning(
                "work did not end in time, it will be read again",
                extra={"group": self.app.conf.id, "records": len(self._begun), "timeout": timeout},
            )
            self.release(list(self._begun))  # a stop asks twice
        await self.commit()

    def _forget(self) -> None:
        self.epoch += 1
        self._windows.clear()
        self._seals.clear()
        self._begun.clear()
        self._quiet.set()
        self._room.set()
        self._committed_offset.clear()
        for callback in self._when_void:
            callback()

    async def perform_seek(self) -> None:
        # Faust seeks beside the fetch loop: what was fetched meanwhile is delivered twice or dropped. Here only the
        # fetch loop seeks, when it sees a new epoch.
        self._forget()

    async def _seek_to_start(self) -> None:
        # Stock leaves the position alone where nothing was committed yet: what it had fetched and dropped is lost
        # when a second member joins a fresh group.
        committed: Mapping[TP, int | None] = await self.seek_to_committed()
        self._seals = {}
        for tp, offset in committed.items():
            if offset is not None and offset >= 0:
                self._committed_offset[TP(*tp)] = offset
                if (end := read_seal(self._thread.notes.get(TP(*tp), ""))) is not None and end > offset:
                    self._seals[TP(*tp)] = range(offset, end)
        if fresh := [tp for tp, offset in committed.items() if not offset or offset < 0]:
            await self._thread.seek_to_beginning(*fresh)

    # -- delivery

    async def _drain_messages(self, fetcher: Any) -> None:
        # Stock makes four tasks for each record, and one slow partition stops all. Here records go straight into the
        # agents' queues, and each partition has its own bound.
        epoch = -1
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait(self.can_resume_flow.wait())
                elif epoch != self.epoch:
                    epoch = await self._seek_for(self.epoch)
                else:
                    await self._fetch_once(epoch)
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise

    async def _seek_for(self, epoch: int) -> int:
        """Go where this epoch begins; returns the epoch that is sought: a change meanwhile means another seek."""
        try:
            if self.assignment():
                await self._seek_to_start()
        except (AssertionError, KafkaError) as error:  # the partitions went away meanwhile, or the broker did
            _log.info("seeking again", extra={"group": self.app.conf.id, "error": repr(error)})
            await asyncio.sleep(0.1)
            return -1
        return epoch

    async def _fetch_once(self, epoch: int) -> None:
        active = self._get_active_partitions()
        full = self.held_bytes >= self._limits.total_bytes
        ready = {tp for tp in active if self._has_room(tp, full=full)}
        if not ready:  # an empty set would mean "all" to aiokafka
            self._room.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self._room.wait()
            return
        self._thread.wait_for_records(long=monotonic() - self._fetched > 1.0)
        fetched = await self._getmany(ready, 1.0 if len(ready) == len(active) else 0.05)
        if not self.flow_active or epoch != self.epoch:
            return  # fetched for another assignment: the next seek reads it again
        if fetched:
            self._fetched = monotonic()
        for tp, records in fetched.items():
            self._hand_out(TP(*tp), records, epoch)
        await asyncio.sleep(0)

    def _has_room(self, tp: TP, *, full: bool) -> bool:
        window = self._windows.get(tp)
        if tp in self._seals and (window is None or window.end < self._seals[tp].stop):
            # A range that is sealed must come together, whatever the limits are by now.
            return window is None or window.unread < self._limits.unread
        return (window is None or window.has_room(self._limits)) and not full

    def _hand_out(self, tp: TP, records: "Iterable[ConsumerRecord[bytes, bytes]]", epoch: int) -> None:
        window = self._windows.setdefault(tp, Window())
        received = [Received(tp, record, epoch, window) for record in records]
        window.extend(received)
        conductor = cast("Conductor", self.app.topics)
        for channel in conductor._tp_index[tp]:  # noqa: SLF001  (there is no other index)
            channel.queue.force_put_nowait(received)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Stock logs false "stream stopped processing" errors, since its sensors are bypassed."""


class SafeFetcher(Fetcher):
    # Stock takes being cancelled while the group rebalances for the end of the rebalance: it crashes the app to be
    # restarted by a supervisor that it does not have. An app that is stopped then, in a rolling update for instance,
    # does not wait for running work, and takes half a minute.
    @Service.task
    async def _fetcher(self) -> None:
        try:
            await cast("SafeConsumer", self.app.consumer)._drain_messages(self)  # noqa: SLF001  (as stock does)
        finally:
            self.set_shutdown()


class NoProducer(driver.Producer):
    """Nothing is sent through Faust. Stock connects one for each app all the same, and an app does not start before
    that: 20 minutes, where it meets a broker first that accepts connections and answers nothing.
    """

    async def on_start(self) -> None:
        await super(driver.Producer, self).on_start()


class SafeTransport(driver.Transport):
    Consumer = SafeConsumer
    Producer = NoProducer
    Fetcher: ClassVar[type[ServiceT]] = SafeFetcher

    def __init__(self, url: Any, app: Any, limits: Limits, cluster_id: str | None) -> None:
        self.limits = limits
        self.cluster_id = cluster_id
        super().__init__(url, app)


def install(app: Any, limits: Limits | None = None, cluster_id: str | None = None) -> None:
    """Give a Faust app the safe transport. Before anything asks for ``app.consumer``, inside the running loop.

    ``cluster_id`` is the only cluster it may read from; None: whichever answers.
    """
    app.transport = SafeTransport(app.conf.broker_consumer, app, limits or Limits(), cluster_id)


async def batches(stream: Any, limit: int = 500) -> AsyncIterator[list[Received]]:
    """Lists of records of one partition each, in order. One never acked holds the watermark: no loss."""
    consumer, queue = stream.app.consumer, stream.channel.queue
    await stream.maybe_start()
    while not stream.should_stop:
        try:
            fetched = await queue.get()
        except StopAsyncIteration:
            return
        for start in range(0, len(fetched), limit):
            batch = fetched[start : start + limit]
            if consumer.is_current(batch[0]):
                yield batch
