"""Topics on a real broker: made once, kept up to date, emptied only behind committed work."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.structs import OffsetAndMetadata

from hub.log.admin import LogAdmin, TopicState
from hub.log.admin_client import (
    KafkaUnavailableError,
    TopicCreationError,
    TopicMismatchError,
    TopicMissingError,
    TopicSettingError,
)
from hub.log.connection import KafkaConnection
from hub.log.records import Record
from hub.log.topics import Layout, Topics
from hub.log.writer import LogWriter
from schemas.lane import Lane

MAX_BODY = 1_000_000


@dataclass(frozen=True)
class Settings:
    partitions: int = 2
    replication: int = 1
    retention: timedelta = timedelta(days=30)
    durability: str = "replication"
    manage_topics: bool = True


def layout(topics: Topics, *destinations: str, max_body: int = MAX_BODY, **settings: Any) -> Layout:
    return Layout(topics, Settings(**settings), destinations, (timedelta(seconds=5),), max_body)


@pytest.fixture
def admin(kafka: KafkaConnection, topics: Topics) -> LogAdmin:
    return LogAdmin(kafka, layout(topics, "one"))


def config(kafka: KafkaConnection, topic: str) -> dict[str, str]:
    client = KafkaAdminClient(**kafka.kafka_python())
    try:
        found = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic, None)], config_filter="all")
        return {key: data["value"] for key, data in found["topic"][topic].items()}
    finally:
        client.close()


def wait_for_config(kafka: KafkaConnection, topic: str, wanted: dict[str, str]) -> None:
    """A broker answers with a new setting a moment after it was accepted."""
    deadline = time.monotonic() + 10
    while (found := {key: value for key, value in config(kafka, topic).items() if key in wanted}) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def commit(kafka: KafkaConnection, group: str, topic: str, offsets: dict[int, int]) -> None:
    consumer = KafkaConsumer(**kafka.kafka_python(), group_id=group, enable_auto_commit=False)
    try:
        consumer.assign([TopicPartition(topic, partition) for partition in offsets])
        consumer.commit({TopicPartition(topic, p): OffsetAndMetadata(at, "", -1) for p, at in offsets.items()})
    finally:
        consumer.close()


def write(kafka: KafkaConnection, topic: str, partition: int, count: int) -> None:
    async def run() -> None:
        writer = LogWriter(kafka, max_pending_records=1000, max_pending_bytes=10**6, max_record_bytes=10**5)
        await writer.start()
        await writer.append_all(topic, partition, [Record(b"k", b"v", [])] * count)
        await writer.stop()

    asyncio.run(run())


def state(admin: LogAdmin, topic: str) -> TopicState:
    return next(one for one in admin.states() if one.spec.name == topic)


def test_topics_are_made_as_the_design_says(kafka: KafkaConnection, topics: Topics) -> None:
    created = LogAdmin(kafka, layout(topics, "one", "two")).ensure()

    assert sorted(created) == sorted(
        [
            topics.events,
            topics.decisions,
            topics.dead_letters,
            topics.config,
            topics.controls,
            topics.reports,
            topics.retries(timedelta(seconds=5)),
            *(topics.deliveries(name, lane) for name in ("one", "two") for lane in Lane),
            *(topics.outcomes(name) for name in ("one", "two")),
        ]
    )
    events, work, ledger = (
        config(kafka, name) for name in (topics.events, topics.deliveries("one"), topics.outcomes("two"))
    )
    assert events["retention.ms"] == str(30 * 24 * 3600 * 1000)
    assert events["message.timestamp.type"] == "CreateTime"
    assert (work["retention.ms"], work["retention.bytes"]) == ("-1", "-1")
    assert work["message.timestamp.type"] == "LogAppendTime"
    assert ledger["retention.ms"] == str(90 * 24 * 3600 * 1000)
    assert config(kafka, topics.controls)["cleanup.policy"] == "compact"
    for found in (events, work, ledger):
        assert found["max.message.bytes"] == "1256000"
        assert found["compression.type"] == "uncompressed"
        assert found["cleanup.policy"] == "delete"


def test_ensuring_again_creates_nothing(admin: LogAdmin) -> None:
    admin.ensure()

    assert admin.ensure() == []


def test_two_processes_may_create_the_topics_at_once(kafka: KafkaConnection, topics: Topics) -> None:
    admins = [LogAdmin(kafka, layout(topics, "one")) for _ in range(4)]

    with ThreadPoolExecutor(len(admins)) as pool:
        created = list(pool.map(lambda admin: admin.ensure(), admins))

    assert len([name for names in created for name in names]) == 12  # each topic by exactly one


def test_another_number_of_partitions_is_refused_with_the_way_out(kafka: KafkaConnection, topics: Topics) -> None:
    LogAdmin(kafka, layout(topics, "one")).ensure()

    with pytest.raises(TopicMismatchError, match=rf"is 3, but {topics.events} has 2.*Set log.partitions"):
        LogAdmin(kafka, layout(topics, "one", "new", partitions=3)).ensure()

    assert LogAdmin(kafka, layout(topics)).offsets(topics.deliveries("new")) == {}  # and nothing was changed


def test_a_replication_that_the_cluster_cannot_give_says_what_to_do(kafka: KafkaConnection, topics: Topics) -> None:
    with pytest.raises(TopicCreationError, match=r"1 broker\(s\).*hub topics --commands"):
        LogAdmin(kafka, layout(topics, replication=3)).ensure()


def test_without_managing_topics_nothing_is_made_and_what_is_missing_is_said(
    kafka: KafkaConnection, topics: Topics
) -> None:
    with pytest.raises(TopicMissingError, match=rf"no topic {topics.events}, .*must run what `hub topics --commands`"):
        LogAdmin(kafka, layout(topics, manage_topics=False)).ensure()

    assert LogAdmin(kafka, layout(topics)).offsets(topics.events) == {}


def test_without_managing_topics_what_is_as_it_must_be_or_better_is_fine(
    kafka: KafkaConnection, topics: Topics, admin: LogAdmin
) -> None:
    admin.ensure()
    better = {"retention.ms": "-1", "max.message.bytes": "2000000", "compression.type": "gzip"}
    set_config(kafka, topics.events, better)

    assert LogAdmin(kafka, layout(topics, "one", manage_topics=False)).ensure() == []
    assert better.items() <= config(kafka, topics.events).items()  # and it stays the administrator's


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("retention.ms", "1000", r"retention\.ms=1000, it must be at least 2592000000"),
        ("max.message.bytes", "1000", r"max\.message\.bytes=1000, it must be at least 1256000"),
        ("cleanup.policy", "compact", r"cleanup\.policy=compact, it must be delete"),
        ("message.timestamp.type", "LogAppendTime", r"it must be CreateTime"),
    ],
)
def test_without_managing_topics_what_would_break_a_promise_is_refused_and_left_alone(
    kafka: KafkaConnection, topics: Topics, admin: LogAdmin, setting: str, value: str, complaint: str
) -> None:
    admin.ensure()
    set_config(kafka, topics.events, {setting: value})

    with pytest.raises(TopicSettingError, match=rf"{topics.events} has .*{complaint}.*kafka-configs\.sh"):
        LogAdmin(kafka, layout(topics, "one", manage_topics=False)).ensure()

    assert config(kafka, topics.events)[setting] == value


def test_without_managing_topics_fewer_copies_than_configured_are_refused(
    kafka: KafkaConnection, topics: Topics, admin: LogAdmin
) -> None:
    """Else an acknowledgement would promise what is not so."""
    admin.ensure()

    with pytest.raises(TopicSettingError, match=r"has 1 copies of each record, log\.replication is 3"):
        LogAdmin(kafka, layout(topics, "one", manage_topics=False, replication=3)).ensure()


def set_config(kafka: KafkaConnection, topic: str, settings: dict[str, str]) -> None:
    client = KafkaAdminClient(**kafka.kafka_python())
    try:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])
    finally:
        client.close()
    wait_for_config(kafka, topic, settings)


def test_changed_settings_reach_existing_topics_and_sizes_only_grow(
    kafka: KafkaConnection, topics: Topics, admin: LogAdmin
) -> None:
    admin.ensure()
    changed = layout(topics, "one", max_body=2 * MAX_BODY, retention=timedelta(days=3), durability="fsync")

    LogAdmin(kafka, changed).ensure()
    wait_for_config(
        kafka,
        topics.events,
        {"retention.ms": str(3 * 24 * 3600 * 1000), "flush.messages": "1", "max.message.bytes": "2256000"},
    )

    LogAdmin(kafka, layout(topics, "one", max_body=1000)).ensure()
    wait_for_config(
        kafka,
        topics.events,
        {"retention.ms": str(30 * 24 * 3600 * 1000), "flush.messages": str(2**63 - 1), "max.message.bytes": "2256000"},
    )


def test_only_committed_old_work_is_deleted(kafka: KafkaConnection, topics: Topics, admin: LogAdmin) -> None:
    work, group = topics.deliveries("one"), topics.deliver_group("one")
    admin.ensure()
    write(kafka, work, 0, 10)
    write(kafka, work, 1, 10)
    commit(kafka, group, work, {0: 4})

    assert admin.delete_finished() == {}  # committed, but young
    time.sleep(0.002)  # the records are older than "now" by a millisecond at least
    assert admin.delete_finished(timedelta(0)) == {work: {0: 4}}  # nothing of partition 1: not committed
    assert admin.offsets(work) == {0: (4, 10), 1: (0, 10)}
    commit(kafka, group, work, {0: 10, 1: 1})
    assert admin.delete_finished(timedelta(0)) == {work: {0: 10, 1: 1}}
    assert admin.delete_finished(timedelta(0)) == {}


def test_retry_tiers_that_are_no_longer_configured_are_found(kafka: KafkaConnection, topics: Topics) -> None:
    LogAdmin(kafka, replace(layout(topics), delays=(timedelta(milliseconds=200), timedelta(hours=6)))).ensure()

    assert LogAdmin(kafka, layout(topics)).tiers() == [timedelta(milliseconds=200), timedelta(hours=6)]


def test_a_group_that_lost_its_offsets_is_noticed(kafka: KafkaConnection, topics: Topics, admin: LogAdmin) -> None:
    admin.ensure()
    assert admin.forgotten("one") == []  # nothing was ever delivered: the beginning is right
    write(kafka, topics.outcomes("one"), 1, 3)

    assert admin.forgotten("one") == [1]
    commit(kafka, topics.deliver_group("one"), topics.deliveries("one"), {1: 3})
    assert admin.forgotten("one") == []


def test_states_show_records_and_lag(kafka: KafkaConnection, topics: Topics, admin: LogAdmin) -> None:
    assert not state(admin, topics.events).exists
    admin.ensure()
    write(kafka, topics.events, 0, 5)
    write(kafka, topics.events, 1, 7)
    commit(kafka, topics.route_group, topics.events, {1: 3})

    events = state(admin, topics.events)

    assert (events.records, events.lag, events.replication) == (12, 5 + 4, 1)
    assert state(admin, topics.decisions).lag is None


def test_kafka_away_is_said_in_time(topics: Topics) -> None:
    nobody = KafkaConnection("127.0.0.1:9")
    started = time.monotonic()

    with pytest.raises(KafkaUnavailableError, match=r"127\.0\.0\.1:9 does not answer"):
        LogAdmin(nobody, layout(topics), timeout=1).states()

    assert time.monotonic() - started < 5
