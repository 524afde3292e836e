"""Route: reads each event once, writes one delivery per match, then the decision. A pure function of (event, revision).

Deliveries → decisions → offset, each acknowledged before the next. A decision's absence therefore means that the event
is read again; its deliveries may then be in the log twice, and the destination's outcomes remove the second.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.config.deciding import Rules
from hub.log.records import (
    EventOutline,
    MalformedRecordError,
    Record,
    delivery_headers,
    encode_decision,
)
from hub.processors.app import make_app
from hub.processors.appending import append_all
from hub.processors.partitions import Feed, Partitions
from hub.processors.surroundings import Surroundings
from hub.processors.unreadable import unreadable
from hub.processors.window import Received
from schemas.decision import Decision
from schemas.lane import Lane

_AT_ONCE = 500  # events whose writes are acknowledged together; more would hold up the event loop


@dataclass(frozen=True, slots=True)
class Writes:
    """What a batch of events causes."""

    deliveries: dict[tuple[str, Lane], list[Record]]  # by destination and lane
    decisions: list[Record]
    dead_letters: list[Record]


def route_batch(batch: Sequence[Received], rules: Rules, decided: datetime) -> Writes:
    """Decide a batch. A record that is no event becomes a dead letter, and nothing else.

    Raises:
        NewerFormatError
    """
    writes = Writes({}, [], [])
    for received in batch:
        record = received.record
        try:
            event = EventOutline(record.headers, record.value)
            deliveries = rules.decide(event)
        except MalformedRecordError as error:
            writes.dead_letters.append(unreadable(received, error))
            continue
        for one in deliveries:
            headers = delivery_headers(
                record.headers,
                id=one.delivery,
                route=one.route,
                destination=one.destination,
                revision=rules.revision,
                lane=one.lane,
            )
            writes.deliveries.setdefault((one.destination, one.lane), []).append(
                Record(record.key, record.value, headers)
            )
        decision = Decision(
            source=event.source,
            id=event.id,
            digest=event.digest,
            offset=received.offset,
            revision=rules.revision,
            decided=decided,
            deliveries=deliveries,
        )
        writes.decisions.append(encode_decision(decision, record.key))
    return writes


class Route:
    """The processor. Build it in the running loop, ``start`` it once, ``stop`` it once.

    Before anything of a partition is decided, ``up_to_date`` has returned: whoever decided there before used no later
    revision than we do, so that the decisions of a partition never go back to an earlier one.
    """

    name = "route"

    def __init__(self, around: Surroundings, up_to_date: Callable[[], Awaitable[None]]) -> None:
        self._topics = topics = around.configuration.topics
        self.app = make_app(topics.route_group, around.connection, session_timeout=around.session_timeout)
        self._rules = Rules(around.configuration)
        self._up_to_date = up_to_date
        self._writer = around.writer
        self._clock = around.clock
        self._partitions = Partitions(self.app, [topics.events], self._work, around.failed)
        self.app.finalize()

    def use(self, rules: Rules) -> None:
        """Every batch from the next one on is decided by these."""
        self._rules = rules

    async def start(self) -> None:
        await self.app.start()

    async def stop(self) -> None:
        """Finish the batches that are under way and commit them, within a deadline."""
        await self.app.stop()
        await self._partitions.close()

    async def _work(self, feed: Feed) -> None:
        await self._up_to_date()
        while True:
            await feed.wake.wait()
            batch = feed.take(_AT_ONCE)
            if batch and await feed.begin(batch):
                await self._write(route_batch(batch, self._rules, self._clock()), feed.partition)
                feed.ack(batch)

    async def _write(self, writes: Writes, partition: int) -> None:
        topics, writer = self._topics, self._writer
        async with asyncio.TaskGroup() as group:
            for (destination, lane), records in writes.deliveries.items():
                group.create_task(append_all(writer, topics.deliveries(destination, lane), partition, records))
            if writes.dead_letters:
                group.create_task(append_all(writer, topics.dead_letters, partition, writes.dead_letters))
        if writes.decisions:
            await append_all(writer, topics.decisions, partition, writes.decisions)
