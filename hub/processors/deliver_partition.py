"""One partition of a destination during one assignment: verdict → attempt → retry or dead letter → outcome → offset."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from hub.delivery.pending import Entry, Pending
from hub.delivery.policy import Dead, Hold, Pause, Retry
from hub.processors.admission import Admission
from hub.processors.attempts import Attempts, Trial
from hub.processors.index_keeping import SAVE_EVERY, IndexKeeper
from hub.processors.outcome_index import OutcomeIndex
from hub.processors.partitions import Feed
from hub.processors.settlement import Attempt, Settlement, Work
from hub.processors.shared import Shared
from hub.processors.working import waiting
from schemas.lane import Lane
from schemas.report import Waiting

_ADMIT_AT_ONCE = 100  # decoding more would hold up the event loop, and what is urgent in another partition
_CANCEL_TIMEOUT = 10.0


class PartitionDelivery:
    """Runs until it is cancelled. What it holds may be looked at meanwhile."""

    def __init__(
        self,
        shared: Shared,
        feed: Feed,
        index: OutcomeIndex,
        keeper: IndexKeeper,
    ) -> None:
        self._shared = shared
        self._feed = feed
        self._keeper = keeper
        self._admission = Admission(shared, feed, index)
        self._attempts = Attempts(shared)
        self._settlement = Settlement(shared.name, feed.partition, index, shared.topics, shared.writer)
        self.pending: Pending[Work] = Pending()
        self.delivered: Counter[Lane] = Counter()
        self.in_flight: Counter[Lane] = Counter()
        batch = shared.settings.entry.batching
        self._is_batch = shared.settings.entry.takes_batches
        self._at_once = 1 if self._is_batch else shared.settings.entry.settings.concurrency
        self._most = batch.max_records if self._is_batch else 1
        self._most_bytes = batch.max_bytes
        self._limit = self._most  # one after a call that failed as a whole; twice as many after each that did not
        self._calling = 0
        self._in_doubt = 0
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Raises NewerFormatError and RecordTooLargeError: nothing here can go on then."""
        try:
            while True:
                self._end_calls()
                for entry in await self._admission.admit(self._feed.take(_ADMIT_AT_ONCE)):
                    self.pending.add(entry)
                self._begin_calls()
                await self._keeper.keep()
                await self._sleep()
        finally:
            for call in self._calls:
                call.cancel()
            if unfinished := [*self._calls, *filter(None, [self._keeper.saving])]:
                await asyncio.wait(unfinished, timeout=_CANCEL_TIMEOUT)

    def count(self) -> Mapping[Lane, int]:
        return self.pending.count()

    def oldest(self, lane: Lane, now: datetime) -> Waiting | None:
        first = min(
            (entry for entry in self.pending.waiting() if entry.lane is lane),
            key=lambda entry: entry.work.record.event.received,
            default=None,
        )
        return None if first is None else waiting(first, now)

    # -- calls

    def _begin_calls(self) -> None:
        # Twice: as many may still have their outcomes written. What a crash repeats is no more than that.
        while self._calling < self._at_once and len(self._calls) - self._in_doubt < 2 * self._at_once:
            entries = self.pending.take(
                time.monotonic(), self._limit, self._most_bytes, per_subject=self._most if self._is_batch else 1
            )
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
        trial = await self._try(entries)
        if trial is None:
            return
        if trial.doubt is not None:
            await self._settle_doubt(trial)
        await self._settlement.write(trial.attempts)
        self._conclude(trial)

    async def _try(self, entries: list[Entry[Work]]) -> Trial | None:
        """None: the assignment is ending, and all of it is read again."""
        gate = self._shared.gate
        async with self._shared.slots:
            await self._shared.pacer.turn(len(entries))
            passage = await gate.enter()
            if passage.probe:
                for entry in entries[1:]:
                    self.pending.put_back(entry)
                entries = entries[:1]
            lanes = Counter(entry.lane for entry in entries)
            try:
                if not await self._feed.begin([entry.work.received for entry in entries]):
                    return None
                self.in_flight += lanes
                trial = await self._attempts.make(entries, passage)
                self.in_flight -= lanes
                return trial
            finally:
                gate.left(passage)
                self._calling -= 1
                self._feed.wake.set()  # the next call may begin while this one's outcomes are written

    async def _settle_doubt(self, trial: Trial) -> None:
        self._in_doubt += 1
        try:
            others = self._shared.gate.calls > 0 or self.pending.is_ready(time.monotonic())
            await self._attempts.settle_doubt(trial, others=others)
        finally:
            self._in_doubt -= 1

    def _conclude(self, trial: Trial) -> None:
        if self._is_batch and trial.entries:
            self._limit = 1 if trial.failed_as_a_whole else min(self._limit * 2, self._most)
        now = time.monotonic()
        for one in trial.attempts:
            if one.settled:
                self._finish(one)
            else:
                self._wait(one, now, suspect=trial.failed_as_a_whole)

    def _finish(self, one: Attempt) -> None:
        if one.decision is None:
            self.delivered[one.entry.lane] += 1
        elif isinstance(one.decision, Dead):
            self._shared.witness.died(one.entry.work.record, one.decision.reason)
        done = [one.entry.work.received]
        for copy in self.pending.finish(one.entry):
            # The retry may be back before the outcome of the attempt before it was acknowledged: it is no copy then.
            if isinstance(one.decision, Retry) and copy.work.attempt > one.entry.work.attempt:
                self.pending.add(copy)
            else:
                done.append(copy.work.received)
        self._feed.ack(done)

    def _wait(self, one: Attempt, now: float, *, suspect: bool) -> None:
        """Try it again from here."""
        entry, work, delay = one.entry, one.entry.work, 0.0
        if isinstance(one.decision, Retry):
            work.first_attempt = work.first_attempt or one.started
            work.attempt += 1
            entry.alone = self._is_batch
        elif suspect and entry.setbacks:  # twice in a batch that failed as a whole: is it the one that is to blame?
            entry.alone = self._is_batch
        if isinstance(one.decision, Retry | Pause):
            delay = one.decision.delay.total_seconds()
        else:
            assert isinstance(one.decision, Hold), "everything else is settled"
        self._feed.release([work.received])
        self.pending.postpone(entry, now + delay)

    # -- in between

    async def _sleep(self) -> None:
        """Until something arrives, a call ends, or a delivery is due."""
        wake = self._feed.wake
        due = self.pending.next_due()
        seconds = SAVE_EVERY if due is None else min(SAVE_EVERY, due - time.monotonic())
        timer = asyncio.get_running_loop().call_later(max(0.0, seconds), wake.set)
        try:
            await wake.wait()
        finally:
            timer.cancel()
