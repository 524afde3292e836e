"""Writes down how attempts ended, in the order that loses nothing: retries and dead letters first, then outcomes."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hub.delivery.pending import Entry
from hub.delivery.policy import Dead, Decision, Discard, Hold, Pause, Retry, describe
from hub.log.records import Record, encode_delivery, encode_outcome
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from hub.processors.appending import append_all
from hub.processors.calls import is_foreign
from hub.processors.destination_settings import RouteSettings
from hub.processors.outcome_index import OutcomeIndex
from hub.processors.window import Received
from schemas.delivery import DeliveryRecord
from schemas.outcome import Outcome, OutcomeState

_log = logging.getLogger(__name__)

_DISK_PAUSE = 1.0  # seconds


@dataclass(slots=True, eq=False)
class Work:
    """A delivery on its way: ``attempt`` is the next one to make. ``paused`` is what the gate said when it came in."""

    received: Received
    record: DeliveryRecord
    route: RouteSettings
    attempt: int
    first_attempt: datetime | None
    paused: float = 0.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt ended. ``error`` and ``decision`` are None when it was delivered."""

    entry: Entry[Work]
    started: datetime
    ended: datetime
    error: BaseException | None
    decision: Decision | None

    @property
    def settled(self) -> bool:
        """Whether the record is done: its delivery has its end, or another record carries it on."""
        return not isinstance(self.decision, Pause | Hold) and not self.waits_here

    @property
    def waits_here(self) -> bool:
        """Whether it is tried again from this record."""
        return isinstance(self.decision, Retry) and not self.decision.tier


@dataclass(frozen=True, slots=True)
class Written:
    """Outcomes that are acknowledged, and where they are."""

    outcomes: Sequence[Outcome]
    records: Sequence[Record]
    offsets: Sequence[int]


class Settlement:
    """For one partition of one destination. Concurrent calls are fine."""

    def __init__(
        self, destination: str, partition: int, index: OutcomeIndex, topics: Topics, writer: LogWriter
    ) -> None:
        self._destination = destination
        self._partition = partition
        self._index = index
        self._topics = topics
        self._writer = writer
        self._extra = {"destination": destination, "partition": partition}

    async def write(self, attempts: Sequence[Attempt]) -> None:
        """Return when everything that these attempts led to is acknowledged, and the index knows it."""
        for one in attempts:
            self._log(one)
        outcomes = [_outcome(one) for one in attempts if not isinstance(one.decision, Pause | Hold)]
        await self.remember(await self.append(self._before_outcomes(attempts), outcomes))

    async def append(self, before: Mapping[str, Sequence[Record]], outcomes: Sequence[Outcome]) -> Written:
        """Write what must be in the log ``before`` the outcomes, by topic, then these. All is acknowledged afterwards.

        The index does not know them yet: `remember` them before the next verdict.
        """
        if before:
            async with asyncio.TaskGroup() as group:
                for topic, letters in before.items():
                    group.create_task(append_all(self._writer, topic, self._partition, letters))
        records = [encode_outcome(outcome) for outcome in outcomes]
        topic = self._topics.outcomes(self._destination)
        offsets = await append_all(self._writer, topic, self._partition, records) if records else []
        return Written(outcomes, records, offsets)

    async def remember(self, written: Written) -> None:
        """The index must know them before they are acted upon; while its disk is full, that has to wait."""
        if not written.outcomes:
            return
        while True:
            try:
                self._index.learn(written.outcomes)
            except OSError as error:
                _log.warning("outcomes not indexed, trying again", extra={**self._extra, "error": str(error)})
            else:
                self._index.appended(written.offsets, written.records)
                return
            await asyncio.sleep(_DISK_PAUSE)

    def _before_outcomes(self, attempts: Sequence[Attempt]) -> dict[str, list[Record]]:
        """The records that must be in the log before an outcome says that this one is done, by topic."""
        found: dict[str, list[Record]] = {}
        for one in attempts:
            decision = one.decision
            if isinstance(decision, Dead):
                letter = _carried_on(one, decision.reason)
                found.setdefault(self._topics.dead_letters, []).append(encode_delivery(letter))
            elif isinstance(decision, Retry) and decision.tier and one.error is not None:
                retry = _carried_on(one, describe(one.error))
                found.setdefault(self._topics.retries(decision.delay), []).append(encode_delivery(retry))
        return found

    def _log(self, one: Attempt) -> None:
        if one.error is None or isinstance(one.decision, Pause | Hold):
            return
        work = one.entry.work
        dead = isinstance(one.decision, Dead)
        _log.log(
            logging.ERROR if dead else logging.WARNING,
            "dead letter" if dead else "attempt failed",
            extra={
                "destination": self._destination,
                "delivery": one.entry.key.id,
                "run": one.entry.key.run,
                "attempt": work.attempt,
                "lane": str(one.entry.lane),
                "partition": self._partition,
                "offset": one.entry.offset,
                "seconds": (one.ended - one.started).total_seconds(),
                "error": describe(one.error),
                **({"again_in": one.decision.delay.total_seconds()} if isinstance(one.decision, Retry) else {}),
            },
            exc_info=one.error if is_foreign(one.error) else None,
        )


def _outcome(one: Attempt) -> Outcome:
    work, record, decision = one.entry.work, one.entry.work.record, one.decision
    state, error, attempt = OutcomeState.DELIVERED, None, work.attempt
    retry_at, moved = None, False
    if isinstance(decision, Dead):
        state, error = OutcomeState.DEAD, decision.reason
    elif isinstance(decision, Discard):
        state, error, attempt = OutcomeState.DISCARDED, decision.reason, work.attempt - 1
    elif isinstance(decision, Retry) and one.error is not None:
        state, error = OutcomeState.FAILED, describe(one.error)
        retry_at, moved = one.ended + decision.delay, decision.tier
    return Outcome(
        delivery=record.id,
        run=record.run,
        route=record.route,
        destination=record.destination,
        state=state,
        attempt=attempt,
        offset=one.entry.offset,
        received=record.event.received,
        started=one.started,
        ended=one.ended,
        error=error,
        retry_at=retry_at,
        moved=moved,
        lane=record.lane,
    )


def _carried_on(one: Attempt, error: str) -> DeliveryRecord:
    """The record that says what became of the delivery so far."""
    work = one.entry.work
    first = work.first_attempt or one.started
    return replace(work.record, attempt=work.attempt, first_attempt=first, error=error)
