"""The largest event that is accepted goes all the way: no topic's limit is smaller than the one before."""

import hashlib
from datetime import UTC, datetime, timedelta

from kafka import KafkaConsumer, TopicPartition

from hub.config.model import LogConfig
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.record import Record
from hub.log.records import decode_delivery, decode_event, delivery_headers, encode_delivery, encode_event
from hub.log.topics import Layout, Topics, max_record_bytes
from hub.log.writer import LogWriter
from schemas.delivery import DeliveryRecord
from schemas.event import Event
from schemas.identity import delivery_id

MAX_BODY = 1_000_000
TEXT = "é" * 2000  # 4 kB as stored, the most an attribute may have


def largest() -> Event:
    body = b"x" * MAX_BODY
    return Event(
        source="s" * 63,
        id=TEXT,
        type=TEXT,
        received=datetime.now(UTC),
        digest=hashlib.sha256(body).hexdigest(),
        body=body,
        endpoint=TEXT,
        subject=TEXT,
        time=datetime.now(UTC),
        content_type=TEXT,
        metadata={"m": "x" * 7_992},
        verified={"v": "x" * 7_992},
        headers=(("h", "x" * 15_990),),
        traceparent=TEXT,
    )


def read_first(kafka: KafkaConnection, topic: str) -> tuple[list[tuple[str, bytes]], bytes]:
    consumer = KafkaConsumer(**kafka.kafka_python(), enable_auto_commit=False)
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        while not (found := consumer.poll(timeout_ms=1000)):
            pass
        return found[partition][0].headers, found[partition][0].value
    finally:
        consumer.close()


async def test_the_largest_event_reaches_the_dead_letters(kafka: KafkaConnection, topics: Topics) -> None:
    destination = "d" * 63
    LogAdmin(kafka, Layout(topics, LogConfig(partitions=1), (destination,), max_body=MAX_BODY)).ensure()
    limit = max_record_bytes(MAX_BODY)
    event = largest()
    name = delivery_id(event.source, event.id, event.digest, "r" * 63, destination)
    writer = LogWriter(kafka, max_pending_records=10, max_pending_bytes=10 * limit, max_record_bytes=limit)
    await writer.start()
    try:
        await writer.append(topics.events, 0, encode_event(event))

        headers, value = read_first(kafka, topics.events)
        assert decode_event(headers, value) == event
        headers = delivery_headers(headers, id=name, route="r" * 63, destination=destination, revision="a" * 12)
        await writer.append(topics.deliveries(destination), 0, Record(event.partition_key.encode(), value, headers))

        headers, value = read_first(kafka, topics.deliveries(destination))
        delivery = decode_delivery(headers, value)
        dead = DeliveryRecord(
            event=delivery.event,
            id=delivery.id,
            route=delivery.route,
            destination=delivery.destination,
            revision=delivery.revision,
            attempt=1000,
            first_attempt=datetime.now(UTC) - timedelta(days=1),
            error="\n" * 10_000,
        )
        await writer.append(topics.dead_letters, 0, encode_delivery(dead))
    finally:
        await writer.stop()

    headers, value = read_first(kafka, topics.dead_letters)
    died = decode_delivery(headers, value)
    assert died.event == event
    assert died.error == "\n" * 333  # three bytes each as stored
