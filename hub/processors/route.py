"""Route: reads each event once, writes one delivery per match, then the decision. A pure function of (event, revision).

Deliveries → decisions → offset, each acknowledged before the next. A decision's absence therefore means that the event
is read again; its deliveries may then be in the log twice, and the destination's outcomes remove the second.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.api import BadRecordError, Template
from hub.config.model import Configuration
from hub.config.written import PRIORITIES
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
from hub.rules import RouteIndex
from schemas.decision import DecidedDelivery, Decision
from schemas.document import Document
from schemas.identity import delivery_id_of
from schemas.lane import Lane

_AT_ONCE = 500  # events whose writes are acknowledged together; more would hold up the event loop


class Rules:
    """One revision of the routes, compiled."""

    def __init__(self, configuration: Configuration) -> None:
        routes = [route for route in configuration.routes if route.enabled]
        self.revision = configuration.revision
        self._index = RouteIndex([route.when for route in routes])
        named = {name: entry.was or name for name, entry in configuration.destinations.items()}
        self._targets = [
            [
                (route.id, target.destination, route.was or route.id, named.get(target.destination), route.once_per)
                for target in route.to
            ]
            for route in routes
        ]
        self._lanes = [route.priority for route in routes]
        self._payload_member = {name: configuration.payload_member(name) for name in configuration.sources}

    def decide(self, event: EventOutline) -> tuple[DecidedDelivery, ...]:
        """The deliveries of one event, in the order of the routes."""
        document = Document(event, self._payload_member.get(event.source))
        return tuple(
            [
                DecidedDelivery(route, name, delivery_id_of(event, first_route, first_name or name, once_per), lane)
                for position in self._index.match(document)
                for lane in (_lane(self._lanes[position], document),)
                for route, name, first_route, first_name, once_per in self._targets[position]
            ]
        )


def _lane(priority: Lane | Template, document: Document) -> Lane:
    """The lane a route gives to an event; NORMAL for whatever is none that a route may choose."""
    if isinstance(priority, Lane):
        return priority
    try:
        return _CHOICES.get(priority.render(document).strip().lower(), Lane.NORMAL)
    except BadRecordError:  # a template that cannot be rendered for this event must not cost the delivery
        return Lane.NORMAL


_CHOICES = {str(lane): lane for lane in PRIORITIES}


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
