"""One partition of one destination during one assignment: verdict → attempt → dead letter → outcome → offset."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.api import BatchDestination, Delivery, Destination, ThrottledError
from hub.delivery.pending import Entry, Pending
from hub.delivery.policy import Pause, Retry, decide, describe
from hub.delivery.verdict import Deliver, judge
from hub.log.records import MalformedRecordError, decode_delivery, unreadable_dead_letter
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from hub.processors.appending import append_all
from hub.processors.calls import ConnectorFaultError, Results, attempt
from hub.processors.destination_settings import DestinationSettings
from hub.processors.gate import Gate
from hub.processors.outcome_index import OutcomeIndex
from hub.processors.partitions import Feed
from hub.processors.settlement import Attempt, Settlement, Work
from hub.processors.window import Received
from schemas.delivery import DeliveryRecord

_log = logging.getLogger(__name__)

_ADMIT_AT_ONCE = 500  # a look-up of more would hold up the event loop
_SAVE_AFTER, _SAVE_EVERY = 5000, 5.0  # outcomes and seconds that a take-over reads again at most, about
_CANCEL_TIMEOUT = 10.0


class PartitionDelivery:
    """Runs until it is cancelled. ``slots`` bounds the calls of an EachDestination over all partitions."""

    def __init__(
        self,
        *,
        feed: Feed,
        index: OutcomeIndex,
        destination: Destination[Any, Any],
        settings: DestinationSettings,
        topics: Topics,
        writer: LogWriter,
        gate: Gate,
        slots: asyncio.Semaphore,
        catch_up: Callable[[OutcomeIndex, int], Awaitable[None]],
        clock: Callable[[], datetime],
    ) -> None:
        self._feed = feed
        self._index = index
        self._destination = destination
        self._settings = settings
        self._topics = topics
        self._writer = writer
        self._gate = gate
        self._slots = slots
        self._catch_up = catch_up
        self._clock = clock
        self._name = settings.entry.name
        self._settlement = Settlement(self._name, feed.partition, index, topics, writer)
        self._pending: Pending[Work] = Pending()
        self._calling = 0
        self._calls: set[asyncio.Task[None]] = set()
        self._saving: asyncio.Task[None] | None = None
        self._saved = time.monotonic()

    async def run(self) -> None:
        """Raises NewerFormatError, RecordTooLargeError and OSError: nothing here can go on then."""
        try:
            while True:
                self._end_calls()
                await self._admit(self._feed.take(_ADMIT_AT_ONCE))
                self._begin_calls()
                await self._keep_index()
                await self._sleep()
        finally:
            for call in self._calls:
                call.cancel()
            if unfinished := [*self._calls, *([self._saving] if self._saving else [])]:
                await asyncio.wait(unfinished, timeout=_CANCEL_TIMEOUT)

    # -- verdict

    async def _admit(self, received: Sequence[Received]) -> None:
        readable: list[tuple[Received, DeliveryRecord]] = []
        for one in received:
            try:
                readable.append((one, decode_delivery(one.record.headers, one.record.value)))
            except MalformedRecordError as error:
                await self._bury_unreadable(one, error)
        known = self._index.lookup([record.key for _, record in readable])
        duplicates = []
        for (one, record), before in zip(readable, known, strict=True):
            verdict = judge(record.attempt, record.first_attempt, one.offset, before)
            if isinstance(verdict, Deliver):
                self._pending.add(self._entry(one, record, verdict))
            else:
                duplicates.append(one)
        if duplicates:
            _log.info("duplicates skipped", extra={"destination": self._name, "records": len(duplicates)})
            self._feed.ack(duplicates)

    def _entry(self, received: Received, record: DeliveryRecord, verdict: Deliver) -> Entry[Work]:
        route = self._settings.of_route(record.route)
        work = Work(received, record, route, verdict.attempt, verdict.first_attempt, self._gate.paused)
        subject = f"{record.event.source} {record.event.partition_key}"
        return Entry(record.key, subject, received.offset, received.size, work)

    async def _bury_unreadable(self, received: Received, error: MalformedRecordError) -> None:
        """Nobody knows what it was, so there is no outcome; it must not stop the line."""
        if not await self._feed.begin([received]):
            return
        record = received.record
        letter = unreadable_dead_letter(record.key, record.value, record.headers, describe(error))
        await append_all(self._writer, self._topics.dead_letters, self._feed.partition, [letter])
        _log.error(
            "record cannot be read, dead letter written",
            extra={"topic": record.topic, "offset": received.offset, "error": str(error)},
        )
        self._feed.ack([received])

    # -- attempt

    def _begin_calls(self) -> None:
        if isinstance(self._destination, BatchDestination):
            batch = self._settings.entry.settings.batch
            at_once, records, size, per_subject = 1, batch.max_records, batch.max_bytes, batch.max_records
        else:
            at_once, records, size, per_subject = self._settings.entry.settings.concurrency, 1, 0, 1
        # Twice: as many may still have their outcomes written. What a crash repeats is no more than that.
        while self._calling < at_once and len(self._calls) < 2 * at_once:
            entries = self._pending.take(time.monotonic(), records, size, per_subject=per_subject)
            if not entries:
                return
            self._calling += 1
            call = asyncio.create_task(self._call(entries))
            self._calls.add(call)
            call.add_done_callback(lambda _: self._feed.wake.set())

    def _end_calls(self) -> None:
        for call in [call for call in self._calls if call.done()]:
            self._calls.remove(call)
            call.result()

    async def _call(self, entries: list[Entry[Work]]) -> None:
        async with self._slots:
            entered = await self._gate.enter()
            try:
                if not await self._feed.begin([entry.work.received for entry in entries]):
                    return  # the assignment is ending: this is read again
                started = self._clock()
                errors = await self._attempt(entries)
                attempts = [self._judged(entry, errors[entry.key], started) for entry in entries]
                self._move_gate(attempts, entered)
            finally:
                self._gate.left(entered)
                self._calling -= 1
                self._feed.wake.set()  # the next call may begin while this one's outcomes are written
        await self._settlement.write(attempts)
        self._conclude(attempts)

    async def _attempt(self, entries: list[Entry[Work]]) -> Results:
        errors: Results = {}
        deliveries: list[Delivery[Any]] = []
        for entry in entries:
            record, options = entry.work.record, entry.work.route.options
            if options is None:
                errors[entry.key] = ConnectorFaultError(
                    f"route {record.route!r} is no longer in hub.yaml, and {self._name!r} cannot do without its options"
                )
                continue
            member = self._settings.payload_member(record.event.source)
            deliveries.append(
                Delivery(entry.key, record.event, record.route, entry.work.attempt, options, payload_member=member)
            )
        if deliveries:
            errors |= await attempt(self._destination, deliveries, self._settings.timeout)
        return errors

    def _judged(self, entry: Entry[Work], error: BaseException | None, started: datetime) -> Attempt:
        work, ended = entry.work, self._clock()
        first = work.first_attempt or started
        if error is None:
            return Attempt(entry, started, ended, None, None)
        decision = decide(
            error,
            attempt=work.attempt,
            age=ended - first - timedelta(seconds=self._gate.paused - work.paused),
            setbacks=self._gate.failures + 1,
            settings=work.route.retry,
        )
        return Attempt(entry, started, ended, error, decision)

    def _move_gate(self, attempts: list[Attempt], entered: float) -> None:
        """A refusal counts for all: the gate closes before anybody else goes through."""
        refused = [one for one in attempts if isinstance(one.decision, Pause)]
        if not refused:
            self._gate.opened(entered)
            return
        error = refused[0].error
        seconds = max(one.decision.delay.total_seconds() for one in refused if isinstance(one.decision, Pause))
        self._gate.closed(entered, seconds, down=not isinstance(error, ThrottledError))
        _log.warning(
            "destination paused",
            extra={"destination": self._name, "seconds": seconds, "error": error and describe(error)},
        )

    def _conclude(self, attempts: list[Attempt]) -> None:
        now = time.monotonic()
        for one in attempts:
            work = one.entry.work
            if isinstance(one.decision, Retry | Pause):
                if isinstance(one.decision, Retry):
                    work.first_attempt = work.first_attempt or one.started
                    work.attempt += 1
                self._feed.release([work.received])
                self._pending.postpone(one.entry, now + one.decision.delay.total_seconds())
            else:
                copies = self._pending.finish(one.entry)
                self._feed.ack([work.received, *(copy.work.received for copy in copies)])

    # -- in between

    async def _sleep(self) -> None:
        """Until something arrives, a call ends, or a delivery is due."""
        wake = self._feed.wake
        due = self._pending.next_due()
        seconds = _SAVE_EVERY if due is None else min(_SAVE_EVERY, due - time.monotonic())
        timer = asyncio.get_running_loop().call_later(max(0.0, seconds), wake.set)
        try:
            await wake.wait()
        finally:
            timer.cancel()

    async def _keep_index(self) -> None:
        if self._index.behind:
            await self._catch_up(self._index, self._feed.partition)
        if self._saving is not None and self._saving.done():
            saving, self._saving = self._saving, None
            if error := saving.exception():
                _log.warning("outcome snapshot not saved", extra={"destination": self._name, "error": repr(error)})
        old = time.monotonic() - self._saved > _SAVE_EVERY
        if self._saving is None and self._index.unsaved > (0 if old else _SAVE_AFTER):
            self._saved = time.monotonic()
            self._saving = asyncio.create_task(asyncio.to_thread(self._index.checkpoint(self._clock())))
