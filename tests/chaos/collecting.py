"""Reads what is there: the topics, the table, the endpoints' books."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

import orjson
import psycopg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from hub.log.connection import KafkaConnection
from hub.log.records import (
    MalformedRecordError,
    decode_decision,
    decode_delivery,
    decode_event,
    decode_outcome,
)
from hub.log.topics import Topics
from schemas.decision import Decision
from tests.chaos.collected import Arrival, Body, Collected, DeadLetter, LoggedOutcome, Place, Stored
from tests.chaos.endpoints import Receipt
from tests.chaos.events import SOURCE
from tests.chaos.whole_hub import Backlog, WholeHub
from tests.fixtures.s3 import S3Server

STALLED = 240.0  # seconds without any progress
_LOOK = 0.3  # seconds


async def drained(hub: WholeHub) -> dict[str, int]:
    """Wait until every group has worked off its topics; what is left where nothing moves any more.

    Offsets are read one after the other, so that a record on its way from topic to topic can be missed; all is done
    when nothing is left twice in a row and nothing was written meanwhile.
    """
    last: dict[str, Backlog] | None = None
    moved = time.monotonic()
    while True:
        backlog = await asyncio.to_thread(hub.backlog)
        left = None if backlog is None else {topic: one.lag for topic, one in backlog.items() if one.lag}
        if backlog == last:
            if left == {}:
                return {}
            if time.monotonic() - moved > STALLED:
                return {"the hub does not tell": 1} if left is None else left
        else:
            last, moved = backlog, time.monotonic()
        await asyncio.sleep(_LOOK)


async def collect(
    kafka: KafkaConnection,
    topics: Topics,
    receipts: Mapping[str, Sequence[Receipt]],
    tables: Mapping[str, str] | None = None,
    lines: Mapping[str, Sequence[Body]] | None = None,
) -> Collected:
    """What is in the topics, in the endpoints' books, and in the databases (destination → URL), beside the ``lines`` of
    archives. The rest is the caller's to add.
    """
    events = await stored_events(kafka, topics)
    digests = {one.number: one.digest for one in events.values()}
    tables, lines = tables or {}, lines or {}
    return Collected(
        events=events,
        decisions=await last_decisions(kafka, topics),
        outcomes={name: await outcomes(kafka, topics, name) for name in (*receipts, *tables, *lines)},
        dead_letters=await dead_letters(kafka, topics),
        arrivals={name: arrivals(found, digests) for name, found in receipts.items()},
        rows={name: await rows(url) for name, url in tables.items()},
        lines=lines,
    )


async def stored_events(kafka: KafkaConnection, topics: Topics) -> dict[Place, Stored]:
    found = {}
    async for record in records(kafka, topics.events):
        try:
            event = decode_event(record.headers, record.value)
        except MalformedRecordError:
            continue  # garbage of ours
        if event.source != SOURCE:
            continue  # the hub's own news
        digest = hashlib.sha256(event.body).hexdigest()
        number = orjson.loads(event.body)["data"]["n"]
        found[Place(record.partition, record.offset)] = Stored(event.id, number, event.partition_key, digest)
    return found


async def last_decisions(kafka: KafkaConnection, topics: Topics) -> dict[Place, Decision]:
    found = {}
    async for record in records(kafka, topics.decisions):
        try:
            decision = decode_decision(record.value)
        except MalformedRecordError:
            continue
        if decision.source == SOURCE:
            found[Place(record.partition, decision.offset)] = decision
    return found


async def outcomes(kafka: KafkaConnection, topics: Topics, destination: str) -> list[LoggedOutcome]:
    found = []
    async for record in records(kafka, topics.outcomes(destination)):
        try:
            found.append(LoggedOutcome(record.partition, decode_outcome(record.value)))
        except MalformedRecordError:
            continue
    return found


async def dead_letters(kafka: KafkaConnection, topics: Topics) -> list[DeadLetter]:
    found = []
    async for record in records(kafka, topics.dead_letters):
        try:
            delivery = decode_delivery(record.headers, record.value).id
        except MalformedRecordError:
            delivery = None
        found.append(DeadLetter(delivery, record.value or b""))
    return found


def arrivals(receipts: Iterable[Receipt], digests: dict[int, str]) -> list[Arrival]:
    """What an endpoint was told is the number of the event; its body is the one that was stored under it."""
    return [
        Arrival(one.event_id, one.digest or digests.get(one.number, "unknown"), one.at, one.delivery)
        for one in receipts
    ]


async def rows(database_url: str) -> list[str]:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        cursor = await connection.execute("SELECT id FROM events")
        return [row[0] for row in await cursor.fetchall()]


def archived(server: S3Server, bucket: str) -> list[Body]:
    """The sender's events in an archive of JSON lines."""
    lines = [orjson.loads(line) for data in server.objects(bucket).values() for line in data.splitlines()]
    return [(line["id"], line["digest"]) for line in lines if line["source"] == SOURCE]


async def records(kafka: KafkaConnection, topic: str) -> "AsyncIterator[ConsumerRecord[bytes, bytes]]":
    """Every record of a topic up to its end as it is now; in order within each partition."""
    consumer = AIOKafkaConsumer(
        topic,
        **kafka.aiokafka(),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=8_000_000,
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            await consumer.seek_to_beginning(partition)
        while any([await consumer.position(one) < ends[one] for one in partitions]):
            for one, batch in (await consumer.getmany(timeout_ms=200, max_records=5000)).items():
                for record in batch:
                    if record.offset < ends[one]:
                        yield record
    finally:
        await consumer.stop()
