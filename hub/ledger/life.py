"""One event's whole life, from the log: decisions, attempts in every run, what waits where, and dead letters."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.log.connection import KafkaConnection
from hub.log.cut import Cut, Range, take_cut
from hub.log.ranges import RangeReader
from hub.log.reader import StoredEvent
from hub.log.records import MalformedRecordError, decode_decision, decode_delivery, decode_outcome
from hub.log.scanner import SKEW
from hub.log.topics import Topics
from schemas.decision import DecidedDelivery, Decision
from schemas.delivery import DeliveryRecord
from schemas.identity import DeliveryId, Run
from schemas.outcome import Outcome


@dataclass(frozen=True, slots=True)
class WaitingRecord:
    """A delivery's record that nobody is done with. ``due`` is when a retry goes back to its lane; None in a lane."""

    delivery: DeliveryId
    run: Run
    topic: str
    offset: int
    attempt: int
    due: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery that was given up, and the reason."""

    delivery: DeliveryId
    run: Run
    offset: int
    written: datetime
    attempt: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Life:
    """``decisions`` in the order of the log, so the last counts. ``outcomes`` are those of every delivery that any of
    them caused, in the order in which the attempts ended.
    """

    decisions: tuple[Decision, ...]
    outcomes: tuple[Outcome, ...]
    waiting: tuple[WaitingRecord, ...]
    dead_letters: tuple[DeadLetter, ...]

    @property
    def decision(self) -> Decision | None:
        """The one that counts."""
        return self.decisions[-1] if self.decisions else None

    @property
    def deliveries(self) -> tuple[DecidedDelivery, ...]:
        """Of every decision, those of the last one first."""
        return tuple({one.delivery: one for each in reversed(self.decisions) for one in each.deliveries}.values())

    def runs_of(self, delivery: DeliveryId) -> tuple[Run, ...]:
        """The runs of a delivery that left a trace, as they came."""
        traces: tuple[Outcome | DeadLetter | WaitingRecord, ...] = (*self.outcomes, *self.dead_letters, *self.waiting)
        return tuple(dict.fromkeys(one.run for one in traces if one.delivery == delivery))


async def life_of(stored: StoredEvent, connection: KafkaConnection, topics: Topics) -> Life:
    """Read it. Every record that an event caused has the event's partition number, so only that is read.

    Raises:
        KafkaUnavailableError, LogAdminError, NewerFormatError
    """
    cut = await asyncio.to_thread(take_cut, connection, topics, stored.event.received - SKEW)
    async with RangeReader(connection) as reader:
        decisions = await _decisions(reader, cut, stored)
        wanted = {one.delivery for each in decisions for one in each.deliveries}
        outcomes = [one async for one in _outcomes(reader, cut, stored.partition, wanted)]
        waiting = [one async for one in _waiting(reader, cut, stored.partition, wanted)]
        letters = [one async for one in _dead_letters(reader, cut, stored.partition, wanted)]
    return Life(
        decisions=tuple(decisions),
        outcomes=tuple(sorted(outcomes, key=lambda one: one.ended)),
        waiting=tuple(waiting),
        dead_letters=tuple(letters),
    )


async def decisions_of(stored: StoredEvent, connection: KafkaConnection, topics: Topics) -> Sequence[Decision]:
    """What was decided of an event, in the order of the log: the last one counts.

    Raises:
        KafkaUnavailableError, LogAdminError, NewerFormatError
    """
    cut = await asyncio.to_thread(take_cut, connection, topics, stored.event.received - SKEW)
    async with RangeReader(connection) as reader:
        return await _decisions(reader, cut, stored)


async def _decisions(reader: RangeReader, cut: Cut, stored: StoredEvent) -> list[Decision]:
    found = []
    mark = b'"offset":%d,' % stored.offset  # parse only what may be it
    async for record in _records(reader, [cut.of(cut.topics.decisions, stored.partition)]):
        if record.value is not None and mark in record.value:
            decision = _decoded(decode_decision, record.value)
            if decision is not None and decision.offset == stored.offset:
                found.append(decision)
    return found


async def _outcomes(reader: RangeReader, cut: Cut, partition: int, wanted: set[DeliveryId]) -> AsyncIterator[Outcome]:
    keys = {one.encode() for one in wanted}
    async for record in _records(reader, list(cut.outcomes(partition))):
        outcome = _decoded(decode_outcome, record.value) if record.key in keys else None
        if outcome is not None:
            yield outcome


async def _waiting(
    reader: RangeReader, cut: Cut, partition: int, wanted: set[DeliveryId]
) -> AsyncIterator[WaitingRecord]:
    places: list[tuple[timedelta | None, Range]] = [(None, one.waiting) for _, one in cut.lanes(partition)]
    places += [(delay, one.waiting) for delay, one in cut.tiers(partition)]
    for delay, place in places:
        async for record, delivery in _deliveries(reader, place, wanted):
            due = None if delay is None else _moment(record) + delay
            yield WaitingRecord(
                delivery.id, delivery.run, record.topic, record.offset, delivery.attempt, due, delivery.error
            )


async def _dead_letters(
    reader: RangeReader, cut: Cut, partition: int, wanted: set[DeliveryId]
) -> AsyncIterator[DeadLetter]:
    async for record, letter in _deliveries(reader, cut.of(cut.topics.dead_letters, partition), wanted):
        yield DeadLetter(letter.id, letter.run, record.offset, _moment(record), letter.attempt, letter.error)


async def _deliveries(
    reader: RangeReader, place: Range | None, wanted: set[DeliveryId]
) -> AsyncIterator[tuple[Any, DeliveryRecord]]:
    async for record in _records(reader, [place]):
        delivery = _decoded(decode_delivery, record.headers, record.value)
        if delivery is not None and delivery.id in wanted:
            yield record, delivery


async def _records(reader: RangeReader, ranges: Sequence[Range | None]) -> AsyncIterator[Any]:
    for one in ranges:
        if one is not None:
            async with aclosing(reader.read(one)) as batches:
                async for records in batches:
                    for record in records:
                        yield record


def _decoded(decode: Any, *record: Any) -> Any:
    try:
        return decode(*record)
    except MalformedRecordError:
        return None


def _moment(record: Any) -> datetime:
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)
