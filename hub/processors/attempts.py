"""Attempts: calls the connector, decides what follows for each delivery, and moves the gate."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.api import BadRecordError, Delivery, DestinationDownError, Result, ThrottledError
from hub.delivery.pending import Entry
from hub.delivery.policy import Decision, Discard, Failure, Hold, Pause, decide, describe
from hub.processors.calls import ConnectorFaultError, Results, attempt
from hub.processors.enriching import Wanted
from hub.processors.gate import Passage
from hub.processors.settlement import Attempt, Work
from hub.processors.shared import Shared
from hub.processors.shutting import hold, pause
from schemas.identity import LIVE, DeliveryKey


@dataclass(slots=True)
class Trial:
    """One call to a destination. ``attempts`` say how it ended; where it is in ``doubt`` whose fault it is, those of
    its ``entries`` are not judged yet.
    """

    passage: Passage
    started: datetime
    entries: list[Entry[Work]]
    attempts: list[Attempt] = field(default_factory=list)
    errors: Results = field(default_factory=dict)
    ended: datetime | None = None
    doubt: "asyncio.Future[bool] | None" = None

    @property
    def failed_as_a_whole(self) -> bool:
        """Nothing got through, and the connector did not say that the destination is down."""
        return bool(self.errors) and all(_is_plain(error) for error in self.errors.values())


class Attempts:
    """For one destination. Concurrent calls are fine."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    async def make(self, entries: Sequence[Entry[Work]], passage: Passage) -> Trial:
        """Call the connector, and judge what it said, unless only other calls can tell what it means. Never raises."""
        started = self._shared.clock()
        trial = Trial(passage, started, [])
        for entry in entries:
            stale = self._stale(entry, started)
            if stale is not None:
                trial.attempts.append(Attempt(entry, started, started, None, stale))
            else:
                trial.entries.append(entry)
        if trial.entries:
            trial.errors = await self._call(trial.entries)
            trial.ended = self._shared.clock()
            self._weigh(trial)
        return trial

    async def settle_doubt(self, trial: Trial, *, others: bool) -> None:
        """Wait for what other calls tell about a trial in doubt, not for long; ``others``: whether there are any."""
        assert trial.doubt is not None
        outage = await self._shared.gate.resolved(trial.doubt, others=others)
        trial.doubt = None
        self._judge(trial, outage=outage)

    def _stale(self, entry: Entry[Work], now: datetime) -> Discard | None:
        record, limit = entry.work.record, entry.work.route.stale_after
        if limit is None or record.run != LIVE or now - record.event.received <= limit:
            return None
        return Discard(f"stale: received {record.event.received.isoformat()}, and the route's stale_after is {limit}")

    async def _call(self, entries: Sequence[Entry[Work]]) -> Results:
        shared, errors = self._shared, Results()
        deliveries: list[Delivery[Any]] = []
        results = await self._results(entries)
        for entry in entries:
            record, options = entry.work.record, entry.work.route.options
            if options is None:
                errors[entry.key] = ConnectorFaultError(
                    f"route {record.route!r} is no longer in hub.yaml; {shared.name!r} cannot do without its options, "
                    f"and those of revision {record.revision} are not known, or need variables that are not set here"
                )
                continue
            result = results.get(entry.key)
            if isinstance(result, BaseException):
                errors[entry.key] = result
                continue
            member = shared.settings.payload_member(record)
            delivery = Delivery(
                entry.key,
                record.event,
                record.route,
                entry.work.attempt,
                options,
                member,
                result,
                entry.work.route.transform,
            )
            try:
                _ = delivery.sent
            except BadRecordError as error:  # told here, so that no connector takes it for a fault of its own
                errors[entry.key] = error
                continue
            deliveries.append(delivery)
        if deliveries:
            with shared.connector.use() as destination:
                errors |= await attempt(destination, deliveries, shared.settings.timeout)
        return errors

    async def _results(self, entries: Sequence[Entry[Work]]) -> Mapping[DeliveryKey, Result | BaseException | None]:
        settings = self._shared.settings
        wanted = [
            Wanted(entry.key, record.event, entry.work.route.enrich, settings.source(record))
            for entry in entries
            for record in (entry.work.record,)
            if entry.work.route.enrich is not None
        ]
        return await self._shared.enriching.results(wanted) if wanted else {}

    def _weigh(self, trial: Trial) -> None:
        """Does it say something about the destination, or only about these deliveries?"""
        errors = trial.errors.values()
        if any(isinstance(error, DestinationDownError | ThrottledError) for error in errors):
            self._judge(trial, outage=False)
        elif any(error is None for error in errors):
            self._judge(trial, outage=False)
            if self._shared.gate.succeeded(trial.passage):
                self._shared.witness.came_up()
        elif failed := [key for key, error in trial.errors.items() if not isinstance(error, BadRecordError)]:
            verdict = self._shared.gate.failed(failed)
            if verdict is True:
                self._judge(trial, outage=True)
            elif isinstance(verdict, asyncio.Future):
                trial.doubt = verdict
        else:
            self._judge(trial, outage=False)

    def _judge(self, trial: Trial, *, outage: bool) -> None:
        judged = [self._judged(entry, trial, outage=outage) for entry in trial.entries]
        trial.attempts += judged
        self._shut(judged, trial.passage)

    def _judged(self, entry: Entry[Work], trial: Trial, *, outage: bool) -> Attempt:
        assert trial.ended is not None
        error, work, gate = trial.errors[entry.key], entry.work, self._shared.gate
        decision: Decision | None = None
        if error is not None:
            first = work.first_attempt or trial.started
            age = trial.ended - first - timedelta(seconds=gate.paused - work.paused)
            failure = Failure(error, work.attempt, age, gate.failures + 1, outage)
            decision = decide(failure, work.route.retry, self._shared.settings.delays, strict=work.route.strict)
        return Attempt(entry, trial.started, trial.ended, error, decision)

    def _shut(self, attempts: Sequence[Attempt], passage: Passage) -> None:
        """A refusal counts for all: the gate closes before anybody else goes through."""
        holds = [one.decision for one in attempts if isinstance(one.decision, Hold)]
        pauses = [one for one in attempts if isinstance(one.decision, Pause)]
        if holds:
            hold(self._shared, holds[0].reason)
        if not pauses:
            return
        decisions = [one.decision for one in pauses if isinstance(one.decision, Pause)]
        seconds = max(decision.delay.total_seconds() for decision in decisions)
        down = any(decision.down for decision in decisions)
        reason = describe(pauses[0].error) if pauses[0].error is not None else ""
        pause(self._shared, passage, seconds, reason, down=down)


def _is_plain(error: BaseException | None) -> bool:
    return error is not None and not isinstance(error, BadRecordError | DestinationDownError | ThrottledError)
