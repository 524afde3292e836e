"""Writes down how attempts ended, in the order that loses nothing: dead letters first, then outcomes."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hub.delivery.pending import Entry
from hub.delivery.policy import Dead, Decision, Pause, Retry, describe
from hub.log.records import encode_delivery, encode_outcome
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

    async def write(self, attempts: Sequence[Attempt]) -> None:
        """Return when everything that these attempts led to is acknowledged, and the index knows it."""
        for one in attempts:
            self._log(one)
        letters = [_dead_letter(one, one.decision) for one in attempts if isinstance(one.decision, Dead)]
        if letters:
            records = [encode_delivery(letter) for letter in letters]
            await append_all(self._writer, self._topics.dead_letters, self._partition, records)
        outcomes = [_outcome(one) for one in attempts if not isinstance(one.decision, Pause)]
        if outcomes:
            records = [encode_outcome(outcome) for outcome in outcomes]
            topic = self._topics.outcomes(self._destination)
            offsets = await append_all(self._writer, topic, self._partition, records)
            self._index.learn(outcomes)
            self._index.appended(offsets, records)

    def _log(self, one: Attempt) -> None:
        if one.error is None or isinstance(one.decision, Pause):
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
                "partition": self._partition,
                "offset": one.entry.offset,
                "seconds": (one.ended - one.started).total_seconds(),
                "error": describe(one.error),
                **({"again_in": one.decision.delay.total_seconds()} if isinstance(one.decision, Retry) else {}),
            },
            exc_info=one.error if is_foreign(one.error) else None,
        )


def _outcome(one: Attempt) -> Outcome:
    work, record = one.entry.work, one.entry.work.record
    state, error = OutcomeState.DELIVERED, None
    if isinstance(one.decision, Dead):
        state, error = OutcomeState.DEAD, one.decision.reason
    elif one.error is not None:
        state, error = OutcomeState.FAILED, describe(one.error)
    return Outcome(
        delivery=record.id,
        run=record.run,
        route=record.route,
        destination=record.destination,
        state=state,
        attempt=work.attempt,
        offset=one.entry.offset,
        received=record.event.received,
        started=one.started,
        ended=one.ended,
        error=error,
        lane=record.lane,
    )


def _dead_letter(one: Attempt, decision: Dead) -> DeliveryRecord:
    work = one.entry.work
    return replace(
        work.record, attempt=work.attempt, first_attempt=work.first_attempt or one.started, error=decision.reason
    )
