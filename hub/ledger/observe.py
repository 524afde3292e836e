"""Reads what `hub.ledger.standing` puts together. Works without workers and without a projection, not without Kafka."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta

from hub.ledger.in_force import in_force
from hub.ledger.key_uses import KeyUses, key_uses
from hub.ledger.queries import Overview, overview
from hub.ledger.standing import FRESH, KnownSecret, Oldest, Retries, Seen
from hub.ledger.store import Store, StoreAwayError
from hub.log.connection import KafkaConnection
from hub.log.control_table import ControlTable
from hub.log.cut import Cut, Range, ledger_topics, take_cut
from hub.log.ranges import RangeReader
from hub.log.records import (
    MalformedRecordError,
    decode_delivery,
    decode_process_report,
    decode_report,
    delivery_destination,
    is_process_report,
)
from hub.log.revisions import RevisionLog, retired
from hub.log.topics import Topics
from schemas.control import Control
from schemas.lane import Lane
from schemas.report import DestinationReport, ProcessReport

_MOST_COUNTED = 20_000  # records of one partition of one retry tier


async def observe(
    connection: KafkaConnection,
    topics: Topics,
    store: Store,
    destinations: Sequence[str],
    file: str | None,
    seconds: float = 15.0,
    *,
    secrets: Sequence[KnownSecret] = (),
    only: bool = False,
) -> Seen:
    """Look at everything once. Kafka gets ``seconds`` for each answer. ``destinations`` are those of the configuration
    in ``file``, a revision, None where the caller has no file: what is in force counts, where something is. With
    ``only``, just these. ``secrets`` are those of the configuration.

    Raises:
        KafkaUnavailableError, LogAdminError, NewerFormatError
    """
    now = datetime.now(UTC)
    cut = await asyncio.to_thread(take_cut, connection, topics, now - 2 * FRESH, timeout=seconds)
    found, away = await _overview(store, now)
    history = await RevisionLog(connection, topics, seconds).history() if topics.config in cut.ids else []
    names = history[-1].destinations if history and not only else destinations
    former = [name for name in retired(history, names) if not only]
    async with RangeReader(connection, seconds) as reader:
        reports, processes = await _reports(reader, cut.ranges.get(topics.reports, ()))
        controls = await _controls(reader, cut.ranges.get(topics.controls, ()))
        backlog = {
            (name, lane): sum(len(one.waiting) for one in cut.ranges.get(topics.deliveries(name, lane), ()))
            for name in (*names, *former)
            for lane in Lane
        }
        return Seen(
            at=now,
            in_force=in_force(history[-1] if history else None, file, processes, now, FRESH),
            destinations=names,
            retired=[name for name in former if any(backlog[name, lane] for lane in Lane)],
            undecided=sum(len(one.waiting) for one in cut.ranges.get(topics.events, ())),
            backlog=backlog,
            heads=await _heads(reader, cut, _silent(names, reports, now)),
            retries=await _retries(reader, cut),
            reports=reports,
            controls=controls,
            overview=found,
            away=away,
            shortened=sorted({one.topic for one in cut.shortened}),
            secrets=secrets,
            keys=await key_uses(reader, cut.ranges.get(topics.events, ())) if secrets else KeyUses(),
            ends={(topic, one.partition): one.end for topic in ledger_topics(cut) for one in cut.ranges[topic]},
        )


async def _overview(store: Store, now: datetime) -> tuple[Overview | None, str | None]:
    try:
        return await asyncio.to_thread(overview, store, now), None
    except StoreAwayError as error:
        return None, str(error)


async def _reports(reader: RangeReader, ranges: Sequence[Range]) -> tuple[list[DestinationReport], list[ProcessReport]]:
    """What the last record of each key says; nothing where it has no value: its worker stopped."""
    last: dict[bytes | None, DestinationReport] = {}
    processes: dict[bytes | None, ProcessReport] = {}
    for one in ranges:
        async for records in reader.read(one):
            for record in records:
                last.pop(record.key, None)
                processes.pop(record.key, None)
                with suppress(MalformedRecordError):
                    if record.value is not None and is_process_report(record.key):
                        processes[record.key] = decode_process_report(record.value)
                    elif record.value is not None:
                        last[record.key] = decode_report(record.value)
    return list(last.values()), list(processes.values())


async def _controls(reader: RangeReader, ranges: Sequence[Range]) -> Mapping[str, Control]:
    """The destinations that are paused."""
    table = ControlTable()
    for one in ranges:
        async for records in reader.read(one.whole):
            for record in records:
                with suppress(MalformedRecordError):
                    table.learn(record.key, record.value)
    return table.paused()


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


async def waiting_retries(connection: KafkaConnection, topics: Topics, seconds: float = 15.0) -> dict[str, int]:
    """Destination → how many of its deliveries wait for another try, or at least so many.

    Raises:
        KafkaUnavailableError, LogAdminError, NewerFormatError
    """
    cut = await asyncio.to_thread(take_cut, connection, topics, timeout=seconds)
    async with RangeReader(connection, seconds) as reader:
        return {name: one.waiting for name, one in (await _retries(reader, cut)).items()}


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
                    name = delivery_destination(record.headers)
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
