"""Reads what `hub.ledger.standing` puts together. Works without workers and without a projection, not without Kafka."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from hub.ledger.queries import Overview, overview
from hub.ledger.standing import FRESH, Oldest, Retries, Seen
from hub.ledger.store import Store, StoreAwayError
from hub.log.connection import KafkaConnection
from hub.log.cut import Cut, Range, ledger_topics, take_cut
from hub.log.ranges import RangeReader
from hub.log.records import (
    MalformedRecordError,
    decode_control,
    decode_delivery,
    decode_report,
    delivery_identity,
)
from hub.log.topics import Topics
from schemas.identity import destination_of
from schemas.lane import Lane
from schemas.report import DestinationReport

ValueT = TypeVar("ValueT")

_MOST_COUNTED = 20_000  # records of one partition of one retry tier


async def observe(
    connection: KafkaConnection,
    topics: Topics,
    store: Store,
    destinations: Sequence[str],
    revision: str,
    seconds: float = 15.0,
) -> Seen:
    """Look at everything once. Kafka gets ``seconds`` for each answer.

    Raises:
        KafkaUnavailableError, LogAdminError, NewerFormatError
    """
    now = datetime.now(UTC)
    cut = await asyncio.to_thread(take_cut, connection, topics, now - 2 * FRESH, timeout=seconds)
    found, away = await _overview(store, now)
    async with RangeReader(connection, seconds) as reader:
        reports = await _last_per_key(reader, cut.ranges.get(topics.reports, ()), decode_report)
        controls = await _last_per_key(
            reader, [one.whole for one in cut.ranges.get(topics.controls, ())], decode_control
        )
        backlog = {
            (name, lane): sum(len(one.waiting) for one in cut.ranges.get(topics.deliveries(name, lane), ()))
            for name in destinations
            for lane in Lane
        }
        return Seen(
            at=now,
            revision=revision,
            destinations=destinations,
            undecided=sum(len(one.waiting) for one in cut.ranges.get(topics.events, ())),
            backlog=backlog,
            heads=await _heads(reader, cut, _silent(destinations, reports, now)),
            retries=await _retries(reader, cut),
            reports=reports,
            controls={one.destination: one for one in controls},
            overview=found,
            away=away,
            ends={(topic, one.partition): one.end for topic in ledger_topics(cut) for one in cut.ranges[topic]},
        )


async def _overview(store: Store, now: datetime) -> tuple[Overview | None, str | None]:
    try:
        return await asyncio.to_thread(overview, store, now), None
    except StoreAwayError as error:
        return None, str(error)


async def _last_per_key(
    reader: RangeReader, ranges: Sequence[Range], decode: Callable[[bytes | None], ValueT]
) -> list[ValueT]:
    """What the last record of each key says; nothing where it has no value, or is no record of ours."""
    last: dict[bytes | None, ValueT] = {}
    for one in ranges:
        async for records in reader.read(one):
            for record in records:
                last.pop(record.key, None)
                if record.value is not None:
                    try:
                        last[record.key] = decode(record.value)
                    except MalformedRecordError:
                        continue
    return list(last.values())


def _silent(destinations: Sequence[str], reports: Sequence[DestinationReport], now: datetime) -> list[str]:
    heard = {one.destination for one in reports if now - one.at <= FRESH}
    return [name for name in destinations if name not in heard]


async def _heads(reader: RangeReader, cut: Cut, destinations: Sequence[str]) -> dict[tuple[str, Lane], Oldest]:
    """The oldest of what waits, where no worker says it."""
    heads: dict[tuple[str, Lane], Oldest] = {}
    for name in destinations:
        for lane in Lane:
            for one in cut.ranges.get(cut.topics.deliveries(name, lane), ()):
                record = await reader.first(one.waiting)
                try:
                    delivery = decode_delivery(record.headers, record.value) if record is not None else None
                except MalformedRecordError:
                    continue
                before = heads.get((name, lane))
                if delivery is not None and (before is None or delivery.event.received < before.received):
                    heads[name, lane] = Oldest(delivery.id, delivery.event.received, "no worker delivers")
    return heads


async def _retries(reader: RangeReader, cut: Cut) -> dict[str, Retries]:
    found: dict[str, Retries] = {}
    for partition in cut.partitions:
        for delay, tier in cut.tiers(partition):
            await _count_retries(reader, tier.waiting, delay, found)
    return found


async def _count_retries(reader: RangeReader, tier: Range, delay: timedelta, found: dict[str, Retries]) -> None:
    counted = 0
    async with aclosing(reader.read(tier)) as batches:
        async for records in batches:
            for record in records:
                try:
                    name = destination_of(delivery_identity(record.headers).id)
                except MalformedRecordError:
                    continue
                due = datetime.fromtimestamp(record.timestamp / 1000, UTC) + delay
                before = found.get(name, Retries())
                earliest = due if before.next_due is None else min(before.next_due, due)
                found[name] = Retries(before.waiting + 1, earliest, before.complete)
            counted += len(records)
            if counted >= _MOST_COUNTED and counted < len(tier):
                for name, one in found.items():
                    found[name] = Retries(one.waiting, one.next_due, complete=False)
                return
