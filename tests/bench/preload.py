"""Fills topics with work before a processor starts, and watches it being done."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import orjson
from kafka import KafkaConsumer, TopicPartition

from hub.config.model import DEFAULT_DELAYS, LogConfig
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.record import Record
from hub.log.records import delivery_headers, encode_event, partition_for
from hub.log.topics import Layout, Topics
from schemas.event import Event
from schemas.identity import delivery_id
from schemas.lane import Lane
from tests.bench.figures import Figures
from tests.bench.kafka_loops import Batches, make_producer
from tests.bench.stage import Child
from tests.bench.webhooks import SOURCE, body, event_id

PARTITIONS = LogConfig().partitions
_MAX_BODY = 1_000_000
_STARTED = 0.1  # the share of the work after which the clock runs, so that starting is not measured


def make_topics(kafka: KafkaConnection, hub: str, destinations: Iterable[str]) -> Topics:
    topics = Topics(hub)
    created = LogAdmin(kafka, Layout(topics, LogConfig(), tuple(destinations), DEFAULT_DELAYS, _MAX_BODY)).ensure()
    for topic in created:
        Progress.of(kafka, topic).count()  # returns once every partition has a leader that knows it is one
    return topics


def event(number: int) -> Event:
    content = body(number)
    payload = orjson.loads(content)
    return Event(
        source=SOURCE,
        id=event_id(number),
        type=payload["type"],
        received=datetime.now(UTC),
        digest=sha256(content).hexdigest(),
        body=content,
        subject=payload["data"]["id"].rpartition("/")[2],
        time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        content_type="application/json",
        verified={"scheme": "standard-webhooks-v1", "key": "sha256:0123456789abcdef"},
        headers=(("content-type", "application/json"), ("user-agent", "bench"), ("webhook-id", event_id(number))),
    )


async def fill_events(kafka: KafkaConnection, topics: Topics, count: int) -> None:
    await fill(kafka, topics.events, ((each, encode_event(each)) for each in map(event, range(count))))


async def fill_deliveries(kafka: KafkaConnection, topics: Topics, destination: str, count: int) -> None:
    """As ``route`` writes them, by one route called ``to-<destination>``."""
    records = ((each, delivery(each, destination)) for each in map(event, range(count)))
    await fill(kafka, topics.deliveries(destination), records)


def delivery(of: Event, destination: str, lane: Lane = Lane.NORMAL) -> Record:
    route = f"to-{destination}"
    record = encode_event(of)
    headers = delivery_headers(
        record.headers,
        id=delivery_id(of.source, of.id, of.digest, route, destination),
        route=route,
        destination=destination,
        revision="0123456789ab",
        lane=lane,
    )
    return record._replace(headers=headers)


async def fill(kafka: KafkaConnection, topic: str, records: Iterable[tuple[Event, Record]]) -> None:
    async with make_producer(kafka.bootstrap) as producer:
        batches = Batches(producer)
        for number, (each, record) in enumerate(records):
            await batches.append(topic, partition_for(each.partition_key, PARTITIONS), record)
            if number % 5000 == 4999:
                await batches.acknowledged()
        await batches.acknowledged()


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts the records of a topic."""

    consumer: KafkaConsumer
    partitions: list[TopicPartition]

    @classmethod
    def of(cls, kafka: KafkaConnection, topic: str) -> "Progress":
        consumer = KafkaConsumer(**kafka.kafka_python())
        return cls(consumer, [TopicPartition(topic, number) for number in range(PARTITIONS)])

    def count(self) -> int:
        return sum(self.consumer.end_offsets(self.partitions).values())


def measure(worker: Child, progress: Progress, count: int) -> Figures:
    """Rate and CPU of a worker that turns ``count`` records into as many of the watched topic."""
    worker.until(lambda: progress.count() >= count * _STARTED, "the first results")
    first, began, cpu = progress.count(), time.perf_counter(), worker.cpu()
    worker.until(lambda: progress.count() >= count, "the last result")
    done = progress.count() - first
    seconds, used = time.perf_counter() - began, worker.cpu() - cpu
    return Figures(rate=done / seconds, cpu=used / done * 1e6)
