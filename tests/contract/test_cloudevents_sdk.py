"""The records of a real topic, read with the CloudEvents SDK: whoever builds on the topics needs nothing of ours."""

import hashlib
import json
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, from_kafka, to_binary
from cloudevents.core.formats.json import JSONFormat
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from hub.log.connection import KafkaConnection
from hub.log.record import Record
from hub.log.records import delivery_headers, encode_event
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from schemas.event import Event
from schemas.identity import delivery_id

BODY = json.dumps({"type": "batch.succeeded", "data": {"id": "batches/1"}}).encode()
EVENT = Event(
    source="gemini",
    id="evt 50 % é",
    type="batch.succeeded",
    received=datetime(2026, 2, 3, 4, 5, 6, 789012, UTC),
    digest=hashlib.sha256(BODY).hexdigest(),
    body=BODY,
    endpoint="jobs",
    subject="batches/1",
    time=datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
    content_type="application/json",
    metadata={"priority": "high"},
    verified={"scheme": "v1"},
    headers=(("webhook-id", "evt"),),
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


@pytest.fixture
async def messages(kafka: KafkaConnection, topics: Topics) -> list[KafkaMessage]:
    """An event and its delivery, as a consumer gets them."""
    admin = KafkaAdminClient(**kafka.kafka_python())
    admin.create_topics({topics.events: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    admin.close()
    event = encode_event(EVENT)
    name = delivery_id(EVENT.source, EVENT.id, EVENT.digest, "all", "out")
    headers = delivery_headers(event.headers, id=name, route="all", destination="out", revision="abc")
    writer = LogWriter(kafka, max_pending_records=10, max_pending_bytes=10**6, max_record_bytes=10**5)
    await writer.start()
    await writer.append_all(topics.events, 0, [event, Record(event.key, event.value, headers)])
    await writer.stop()
    return _consume(kafka, TopicPartition(topics.events, 0), 2)


def _consume(kafka: KafkaConnection, partition: TopicPartition, count: int) -> list[KafkaMessage]:
    consumer = KafkaConsumer(**kafka.kafka_python(), enable_auto_commit=False)
    try:
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        found: list[KafkaMessage] = []
        while len(found) < count:
            records = consumer.poll(timeout_ms=1000).get(partition, [])
            found += [KafkaMessage(dict(record.headers), record.key, record.value) for record in records]
        return found
    finally:
        consumer.close()


def test_the_sdk_reads_an_event(messages: list[KafkaMessage]) -> None:
    event = from_kafka(messages[0], JSONFormat())

    assert event.get_specversion() == "1.0"
    assert (event.get_source(), event.get_id(), event.get_type()) == ("gemini", EVENT.id, EVENT.type)
    assert (event.get_subject(), event.get_time()) == (EVENT.subject, EVENT.time)
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data() == json.loads(BODY)
    assert event.get_extension("partitionkey") == "batches/1"
    assert event.get_extension("traceparent") == EVENT.traceparent
    assert json.loads(event.get_extension("hubmetadata")) == {"priority": "high"}
    assert event.get_extension("hubdigest") == EVENT.digest
    assert event.get_extension("hubendpoint") == "jobs"


def test_the_sdk_reads_a_delivery(messages: list[KafkaMessage]) -> None:
    event = from_binary(messages[1], JSONFormat())

    assert event.get_id() == EVENT.id
    assert event.get_extension("hubroute") == "all"
    assert event.get_extension("hubdelivery") == delivery_id("gemini", EVENT.id, EVENT.digest, "all", "out")


def test_the_sdk_would_write_the_same_headers(messages: list[KafkaMessage]) -> None:
    for message in messages:
        again = to_binary(from_binary(message, JSONFormat()), JSONFormat())

        # Its time has a form of its own; all else is equal.
        assert again.headers | {"ce_time": b""} == message.headers | {"ce_time": b""}
        assert again.key == "batches/1"
