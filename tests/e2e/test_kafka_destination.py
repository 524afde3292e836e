"""``type: kafka``: queues with ordinary consumer groups, on a real broker."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat
from kafka.admin import KafkaAdminClient
from pydantic import ValidationError

from connectors.api import BadRecordError, Batch, Context, DestinationDownError, HubKafka, Template
from connectors.destinations.kafka import KafkaConfig, KafkaDestination, KafkaOptions
from connectors.testing import context as make_context
from connectors.testing import delivery
from hub.log.connection import KafkaConnection
from hub.log.embedded import EmbeddedBroker
from hub.log.records import decode_event
from hub.log.topics import Topics
from schemas.identity import delivery_id
from schemas.outcome import OutcomeState
from tests.fixtures.machine import until
from tests.fixtures.ports import broker_ports
from tests.fixtures.project import Project, make_event

pytestmark = pytest.mark.timeout(180)


async def records(kafka: KafkaConnection, topic: str, count: int) -> "list[ConsumerRecord[bytes, bytes]]":
    """The first records of a topic, read as any consumer group would."""
    consumer = AIOKafkaConsumer(topic, **kafka.aiokafka(), group_id=f"readers of {topic}", auto_offset_reset="earliest")
    await consumer.start()
    try:
        found: list[ConsumerRecord[bytes, bytes]] = []
        async with asyncio.timeout(60):
            while len(found) < count:
                for batch in (await consumer.getmany(timeout_ms=500)).values():
                    found += batch
        return found
    finally:
        await consumer.stop()


def hub(folder: Path, kafka: KafkaConnection, named: Topics, **options: Any) -> Project:
    """Everything goes to the destination ``jobs``."""
    destination = json.dumps({"jobs": {"type": "kafka", **options}})
    return Project(folder, kafka, named, destination, "[{id: all, when: {source: [github]}, to: jobs}]")


async def test_each_endpoint_is_a_queue_that_reads_like_the_log(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    names = [f"{topics.hub}-jobs.a", f"{topics.hub}-jobs.b"]
    project = hub(tmp_path, kafka, topics, topic=f"{topics.hub}-jobs.{{{{ endpoint }}}}", topics=names)
    events = [replace(make_event(f"e{n}", b'{"n": %d}' % n, subject="one"), endpoint="ab"[n % 2]) for n in range(20)]
    stray = replace(make_event("stray"), endpoint="c")
    await asyncio.to_thread(project.receive, *events, stray)
    with project.worker("--only", "route", "--only", "deliver"):
        for name, expected in zip(names, (events[::2], events[1::2]), strict=True):
            found = await records(kafka, name, 10)
            assert [decode_event([("ce_hubformat", b"1"), *one.headers], one.value) for one in found] == expected
            assert {one.key for one in found} == {b"one"}
            deliveries = [dict(one.headers)["ce_hubdelivery"].decode() for one in found]
            assert deliveries == [delivery_id("github", one.id, one.digest, "all", "jobs") for one in expected]
        await asyncio.to_thread(until, lambda: len(project.ended("jobs")) == 21, "ended")
    [(dead, _)] = [each for each in project.ended("jobs").items() if each[1] is OutcomeState.DEAD]
    assert "stray" in dead[0]
    [letter] = [one for one in project.outcomes("jobs") if one.state is OutcomeState.DEAD]
    assert f"topic '{topics.hub}-jobs.c' is not in `topics` of jobs" in str(letter.error)


async def test_any_cloudevents_sdk_reads_the_records(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> None:
    name = f"{topics.hub}-queue"
    project = hub(tmp_path, kafka, topics, topic=name, partitions=3)
    event = make_event("e1")
    await asyncio.to_thread(project.receive, event)
    with project.worker("--only", "route", "--only", "deliver"):
        [found] = await records(kafka, name, 1)
    message = KafkaMessage(headers=dict(found.headers), key=found.key, value=found.value)
    read = from_kafka(message, JSONFormat())
    assert (read.get_id(), read.get_type(), read.get_source()) == ("e1", "push", "github")
    with closing(KafkaAdminClient(**kafka.kafka_python())) as admin:
        [description] = admin.describe_topics([name])
    assert len(description["partitions"]) == 3


@pytest.fixture
def own(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> Context:
    """As a worker gives it."""
    return replace(make_context(tmp_path), kafka=HubKafka(kafka.aiokafka(), f"{topics.hub}.", lambda _: None))


async def test_the_hubs_own_topics_cannot_be_written_to(own: Context, topics: Topics) -> None:
    destination = KafkaDestination(KafkaConfig(topic=Template(topics.events)), own)
    with pytest.raises(DestinationDownError, match="are the hub's own"):
        await destination.open()


async def test_a_record_too_large_for_the_topic_is_its_own_fault(
    kafka: KafkaConnection, own: Context, topics: Topics
) -> None:
    name = f"{topics.hub}-small"
    with closing(KafkaAdminClient(**kafka.kafka_python())) as admin:
        admin.create_topics({name: {"num_partitions": 1, "configs": {"max.message.bytes": "2000"}}})
    destination = KafkaDestination(KafkaConfig(topic=Template(name)), own)
    await destination.open()
    try:
        one, other = delivery(KafkaOptions(), "big", b"x" * 5000), delivery(KafkaOptions(), "little")
        outcomes = await destination.deliver(Batch([one, other]))
    finally:
        await destination.close()
    assert isinstance(outcomes[one.key], BadRecordError)
    assert "max.message.bytes" in str(outcomes[one.key])
    assert outcomes[other.key] is None


async def test_a_topic_that_is_not_to_be_made_is_asked_for(own: Context, topics: Topics) -> None:
    config = KafkaConfig(topic=Template(f"{topics.hub}-none"), create=False, request_timeout=timedelta(seconds=2))
    destination = KafkaDestination(config, own)
    await destination.open()
    try:
        one = delivery(KafkaOptions())
        outcomes = await destination.deliver(Batch([one]))
    finally:
        await destination.close()
    assert isinstance(outcomes[one.key], DestinationDownError), "nothing is given up for it"
    assert f"{topics.hub}-none" in str(outcomes[one.key])


async def test_another_cluster_may_be_away_and_nothing_is_lost(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    other = EmbeddedBroker(tmp_path / "other", ports=broker_ports(), train=False)
    there = await asyncio.to_thread(other.start)
    try:
        project = hub(tmp_path, kafka, topics, topic="queue", bootstrap_servers=there.bootstrap, request_timeout="2s")
        with project.worker("--only", "route", "--only", "deliver"):
            await asyncio.to_thread(project.receive, *[make_event(f"e{n}", subject="one") for n in range(10)])
            assert len(await records(there, "queue", 10)) == 10
            await asyncio.to_thread(other.stop)
            await asyncio.to_thread(project.receive, *[make_event(f"e{n}", subject="one") for n in range(10, 20)])
            there = await asyncio.to_thread(other.start)
            found = await records(there, "queue", 10)
            assert {dict(one.headers)["ce_id"] for one in found} == {b"e%d" % n for n in range(10, 20)}
    finally:
        await asyncio.to_thread(other.stop)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"topic": "jobs.{{ endpoint }}"}, "list in `topics` every name"),
        ({"topic": "a b"}, "is no name of a topic"),
        ({"topic": "x", "topics": [".."]}, "is no name of a topic"),
        ({"topic": "x", "security_protocol": "SSL"}, "name another in bootstrap_servers"),
        ({"topic": "x", "bootstrap_servers": "kafka"}, "write host:port"),
        (
            {"topic": "x", "bootstrap_servers": "k:1", "security_protocol": "SASL_SSL"},
            "needs `username` and `password`",
        ),
        ({"topic": "x", "bootstrap_servers": "k:1", "cert_file": "c.pem"}, "belong together"),
    ],
)
def test_a_mistake_is_told_at_load(options: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        KafkaConfig.model_validate(options)
