"""Delay: moves retries back to the lanes of their destinations when they are due.

Each tier is a topic of its own, whose records wait equally long: the first of a partition is always due first, and none
waits behind another. A copy that an interrupted move leaves behind is removed by the destination's verdict.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from hub.log.records import (
    MalformedRecordError,
    Record,
    decode_delivery,
    encode_delivery,
    encode_outcome,
)
from hub.processors.app import make_app
from hub.processors.appending import append_all
from hub.processors.partitions import Feed, Partitions
from hub.processors.surroundings import Surroundings
from hub.processors.unreadable import unreadable
from hub.processors.window import Received
from schemas.delivery import DeliveryRecord
from schemas.outcome import Outcome, OutcomeState

_log = logging.getLogger(__name__)

_AT_ONCE = 500
_LONGEST_SLEEP = 60.0  # seconds: the clock may be set


class Delay:
    """The processor of all retry tiers. Build it in the running loop, ``start`` it once, ``stop`` it once.

    ``delays`` are the tiers that exist, those included that are no longer configured: what is in them must get out.
    ``is_alive`` says whether a destination still delivers: it is configured, or retired with its topics in place.
    ``ledgers`` are the destinations that have an outcomes topic: one whose topics were deleted has no ledger any more.
    """

    name = "delay"

    def __init__(
        self,
        delays: Sequence[timedelta],
        ledgers: Collection[str],
        around: Surroundings,
        is_alive: Callable[[str], bool],
        seconds: Callable[[], float] = time.time,
    ) -> None:
        topics = around.configuration.topics
        self.topics = [topics.retries(delay) for delay in delays]
        self.app = make_app(topics.delay_group, around.connection, session_timeout=around.session_timeout)
        self._around = around
        self._ledgers = ledgers
        self._is_alive = is_alive
        self._seconds = seconds
        self._partitions = [
            Partitions(self.app, [topics.retries(delay)], partial(self._work, delay.total_seconds()), around.failed)
            for delay in delays
        ]
        self.app.finalize()

    async def start(self) -> None:
        await self.app.start()

    async def stop(self) -> None:
        """Finish the moves that are under way and commit them, within a deadline."""
        await self.app.stop()
        for each in self._partitions:
            await each.close()

    async def _work(self, delay: float, feed: Feed) -> None:
        waiting: list[Received] = []
        while True:
            if not waiting:
                await feed.wake.wait()
                waiting = feed.take(_AT_ONCE)
                continue
            if (wait := self._due(waiting[0], delay) - self._seconds()) > 0:
                await asyncio.sleep(min(wait, _LONGEST_SLEEP))
                continue
            now = self._seconds()
            due = [received for received in waiting if self._due(received, delay) <= now]
            if not await feed.begin(due):
                await asyncio.Event().wait()  # the assignment is ending, and this task with it
            await self._move(due, feed.partition)
            feed.ack(due)
            waiting = [received for received in waiting if not received.acked]

    def _due(self, received: Received, delay: float) -> float:
        """In seconds since the epoch. The broker has stamped the record with the time of its arrival."""
        return float(received.record.timestamp) / 1000 + delay

    async def _move(self, due: Sequence[Received], partition: int) -> None:
        topics, clock = self._around.configuration.topics, self._around.clock
        back: dict[str, list[Record]] = {}
        outcomes: dict[str, list[Record]] = {}
        for received in due:
            record = received.record
            try:
                delivery = decode_delivery(record.headers, record.value)
            except MalformedRecordError as error:
                back.setdefault(topics.dead_letters, []).append(unreadable(received, error))
                continue
            if self._is_alive(delivery.destination):
                unchanged = Record(record.key, record.value, list(record.headers))
                back.setdefault(topics.deliveries(delivery.destination, delivery.lane), []).append(unchanged)
            else:
                dead, outcome = _given_up(delivery, received.offset, clock())
                back.setdefault(topics.dead_letters, []).append(encode_delivery(dead))
                if delivery.destination in self._ledgers:
                    outcomes.setdefault(topics.outcomes(delivery.destination), []).append(encode_outcome(outcome))
        await self._append(back, partition)
        await self._append(outcomes, partition)

    async def _append(self, records: Mapping[str, list[Record]], partition: int) -> None:
        async with asyncio.TaskGroup() as group:
            for topic, these in records.items():
                group.create_task(append_all(self._around.writer, topic, partition, these))


def _given_up(delivery: DeliveryRecord, offset: int, now: datetime) -> tuple[DeliveryRecord, Outcome]:
    """A destination that is gone from hub.yaml delivers nothing any more: its dead letter, and the outcome."""
    reason = f"the destination {delivery.destination!r} is no longer in hub.yaml"
    _log.error("dead letter", extra={"delivery": delivery.id, "run": delivery.run, "error": reason})
    outcome = Outcome(
        delivery=delivery.id,
        run=delivery.run,
        route=delivery.route,
        destination=delivery.destination,
        state=OutcomeState.DEAD,
        attempt=delivery.attempt,
        offset=offset,
        received=delivery.event.received,
        started=now,
        ended=now,
        error=reason,
        lane=delivery.lane,
    )
    return replace(delivery, error=reason), outcome
