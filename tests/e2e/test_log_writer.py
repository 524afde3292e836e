"""The writer on a real broker: bounds, order, and a broker that is killed."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from hub.log.connection import KafkaConnection
from hub.log.embedded import EmbeddedBroker
from hub.log.record import Record
from hub.log.topics import Topics
from hub.log.writer import LogWriter, RecordTooLargeError, WriteFailedError, WriterFullError
from tests.fixtures.ports import broker_ports


def record(value: object) -> Record:
    return Record(b"key", str(value).encode(), [("n", b"v")])


def create(kafka: KafkaConnection, topic: str, partitions: int = 2) -> None:
    client = KafkaAdminClient(**kafka.kafka_python())
    client.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1}}, wait_for_metadata=True)
    client.close()


def read(kafka: KafkaConnection, topic: str, partition: int = 0) -> list[bytes]:
    """Every value in a partition, in order."""
    consumer = KafkaConsumer(**kafka.kafka_python(), enable_auto_commit=False)
    try:
        one = TopicPartition(topic, partition)
        consumer.assign([one])
        consumer.seek_to_beginning(one)
        end = consumer.end_offsets([one])[one]
        found: list[bytes] = []
        while consumer.position(one) < end:
            found += [message.value for message in consumer.poll(timeout_ms=1000).get(one, [])]
        return found
    finally:
        consumer.close()


@asynccontextmanager
async def writing(kafka: KafkaConnection, **options: Any) -> AsyncIterator[LogWriter]:
    bounds = {"max_pending_records": 10_000, "max_pending_bytes": 10_000_000, "max_record_bytes": 1_000_000}
    writer = LogWriter(kafka, **{**bounds, **options})
    await writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


async def until(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


@pytest.fixture
def topic(kafka: KafkaConnection, topics: Topics) -> str:
    create(kafka, topics.events)
    return topics.events


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker of the test's own, to be killed."""
    with EmbeddedBroker(tmp_path, ports=broker_ports(), train=False) as broker:
        yield broker


@pytest.fixture
def mortal(broker: EmbeddedBroker, topics: Topics) -> KafkaConnection:
    kafka = broker.start()
    create(kafka, topics.events)
    return kafka


async def test_records_keep_their_order_and_get_their_offsets(kafka: KafkaConnection, topic: str) -> None:
    async with writing(kafka) as writer:
        singles = [writer.append(topic, 0, record(n)) for n in range(500)]
        many = await writer.append_all(topic, 1, [record(n) for n in range(3000)])
        offsets = await asyncio.gather(*singles)

    assert offsets == list(range(500))
    assert many == list(range(3000))
    assert read(kafka, topic, 0) == [b"%d" % n for n in range(500)]
    assert read(kafka, topic, 1) == [b"%d" % n for n in range(3000)]
    assert writer.pending == (0, 0)


async def test_many_records_need_many_batches(kafka: KafkaConnection, topic: str) -> None:
    """A record that no longer fits a batch opens the next: none is lost between them."""
    async with writing(kafka, max_record_bytes=2_000, max_pending_bytes=20_000) as writer:
        values = [f"{n:04}" * 100 for n in range(300)]
        offsets = await writer.append_all(topic, 0, [record(value) for value in values])

    assert offsets == list(range(300))
    assert read(kafka, topic) == [value.encode() for value in values]


async def test_a_full_writer_refuses_at_once(kafka: KafkaConnection, topic: str) -> None:
    async with writing(kafka, max_pending_records=3) as writer:
        waiting = [writer.append(topic, 0, record(n)) for n in range(3)]
        with pytest.raises(WriterFullError, match="3 records"):
            writer.append(topic, 0, record("too many"))
        await asyncio.gather(*waiting)
        await writer.append(topic, 0, record(3))

    assert read(kafka, topic) == [b"0", b"1", b"2", b"3"]


async def test_bytes_are_bounded_over_all_partitions(kafka: KafkaConnection, topic: str) -> None:
    async with writing(kafka, max_pending_bytes=1_000_000) as writer:
        waiting = [writer.append(topic, partition, record("x" * 450_000)) for partition in (0, 1)]
        with pytest.raises(WriterFullError):
            writer.append(topic, 0, record("x" * 200_000))
        await asyncio.gather(*waiting)
        assert writer.pending == (0, 0)


async def test_a_processor_waits_for_room(kafka: KafkaConnection, topic: str) -> None:
    async with writing(kafka, max_pending_records=10) as writer:
        both = await asyncio.gather(
            writer.append_all(topic, 0, [record(n) for n in range(100)]),
            writer.append_all(topic, 1, [record(n) for n in range(100)]),
        )

    assert list(both) == [list(range(100)), list(range(100))]
    assert read(kafka, topic, 0) == read(kafka, topic, 1) == [b"%d" % n for n in range(100)]


async def test_a_record_that_can_never_fit_is_refused(kafka: KafkaConnection, topic: str) -> None:
    async with writing(kafka, max_record_bytes=1000) as writer:
        with pytest.raises(RecordTooLargeError, match="at most 1,000"):
            writer.append(topic, 0, record("x" * 1000))
        with pytest.raises(RecordTooLargeError):
            await writer.append_all(topic, 0, [record("fits"), record("x" * 1000)])

    assert read(kafka, topic) == []


async def test_a_refused_batch_fails_and_later_ones_are_written(kafka: KafkaConnection, topic: str) -> None:
    """The broker's limit is 1 MB. What it refuses leaves a gap in the producer's sequence, which it never forgives."""
    async with writing(kafka, max_record_bytes=3_000_000) as writer:
        await writer.append(topic, 0, record("before"))
        refused = writer.append(topic, 0, record("x" * 2_000_000))
        with pytest.raises(WriteFailedError, match="MessageSizeTooLarge"):
            await refused
        first, second = await asyncio.gather(
            writer.append(topic, 0, record("after")), writer.append(topic, 1, record("beside"))
        )

    assert (first, second) == (1, 0)
    assert read(kafka, topic, 0) == [b"before", b"after"]


async def test_a_topic_that_does_not_exist_fails_in_time_and_alone(kafka: KafkaConnection, topic: str) -> None:
    async with writing(kafka, delivery_timeout=2) as writer:
        lost = writer.append("no-such-topic", 0, record("lost"))
        with pytest.raises(WriteFailedError, match="no-such-topic"):
            await asyncio.wait_for(lost, 10)
        assert await writer.append(topic, 0, record("fine")) == 0


async def test_a_partition_that_does_not_exist_fails_at_once(kafka: KafkaConnection, topic: str) -> None:
    async with writing(kafka) as writer:
        with pytest.raises(WriteFailedError, match="partition 7"):
            await asyncio.wait_for(writer.append(topic, 7, record("lost")), 5)


async def test_stopping_drains(kafka: KafkaConnection, topic: str) -> None:
    async with writing(kafka) as writer:
        waiting = [writer.append(topic, 0, record(n)) for n in range(1000)]
        await writer.stop()
        with pytest.raises(WriterFullError, match="stopping"):
            writer.append(topic, 0, record("late"))
        with pytest.raises(WriteFailedError, match="stopping"):
            await writer.append_all(topic, 0, [record("late")])

    assert [future.result() for future in waiting] == list(range(1000))


async def test_a_caller_that_gives_up_frees_its_room(kafka: KafkaConnection, topic: str) -> None:
    async with writing(kafka) as writer:
        given_up = asyncio.create_task(writer.append_all(topic, 0, [record(n) for n in range(1000)]))
        await asyncio.sleep(0)
        given_up.cancel()
        with suppress(asyncio.CancelledError):
            await given_up
        await until(lambda: writer.pending == (0, 0))
        await writer.append(topic, 0, record("after"))


async def test_without_kafka_everything_fails_in_time_and_memory_is_bounded(topics: Topics) -> None:
    started = time.monotonic()
    async with writing(
        KafkaConnection("127.0.0.1:9"), max_pending_records=100, delivery_timeout=0.5, drain_timeout=0.5
    ) as writer:
        assert not writer.healthy
        waiting = [writer.append(topics.events, 0, record(n)) for n in range(100)]
        with pytest.raises(WriterFullError):
            writer.append(topics.events, 0, record("too many"))
        for future in waiting:
            with pytest.raises(WriteFailedError, match=r"cannot be reached for 0.5 s"):
                await future
        assert writer.pending == (0, 0)
        with pytest.raises(WriteFailedError):
            await writer.append_all(topics.events, 0, [record("x")] * 250)
    assert time.monotonic() - started < 10


async def test_a_short_outage_is_not_noticed(broker: EmbeddedBroker, mortal: KafkaConnection, topics: Topics) -> None:
    """A killed broker that comes back in time: every record is written once, in its order."""
    async with writing(mortal, delivery_timeout=60) as writer:
        before = await writer.append_all(topics.events, 0, [record(n) for n in range(100)])
        broker.kill()
        during = asyncio.create_task(writer.append_all(topics.events, 0, [record(n) for n in range(100, 200)]))
        await asyncio.to_thread(broker.start)
        offsets = before + await during

    assert offsets == list(range(200))
    assert await asyncio.to_thread(read, mortal, topics.events) == [b"%d" % n for n in range(200)]


async def test_after_a_long_outage_the_writer_heals_by_itself(
    broker: EmbeddedBroker, mortal: KafkaConnection, topics: Topics
) -> None:
    async with writing(mortal, delivery_timeout=1.5) as writer:
        await writer.append(topics.events, 0, record("before"))
        assert writer.healthy
        broker.kill()
        with pytest.raises(WriteFailedError):
            await asyncio.wait_for(writer.append(topics.events, 0, record("during")), 10)
        await until(lambda: not writer.healthy)
        await asyncio.to_thread(broker.start)
        await until(lambda: writer.healthy)
        await writer.append(topics.events, 0, record("after"))
        await writer.append(topics.events, 1, record("beside"))

    values = await asyncio.to_thread(read, mortal, topics.events)
    assert values[0] == b"before"
    assert values[-1] == b"after"


async def test_a_frozen_broker_holds_nobody_up(broker: EmbeddedBroker, mortal: KafkaConnection, topics: Topics) -> None:
    """SIGSTOP: connections stay open and nothing answers."""
    async with writing(mortal, delivery_timeout=2) as writer:
        await writer.append(topics.events, 0, record("before"))
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            with pytest.raises(WriteFailedError):
                await asyncio.wait_for(writer.append(topics.events, 0, record("during")), 10)
            await until(lambda: not writer.healthy)
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        await until(lambda: writer.healthy)
        await writer.append(topics.events, 0, record("after"))

    assert (await asyncio.to_thread(read, mortal, topics.events))[-1] == b"after"


async def test_nothing_acknowledged_is_lost_when_the_broker_is_killed(
    broker: EmbeddedBroker, mortal: KafkaConnection, topics: Topics
) -> None:
    acknowledged: list[list[bytes]] = [[], []]

    async def write(writer: LogWriter, partition: int, stopping: asyncio.Event) -> None:
        number = 0
        while not stopping.is_set():
            values = [f"{partition}-{number + step}" for step in range(50)]
            number += len(values)
            answers: Sequence[int | BaseException] = await asyncio.gather(
                *(writer.append(topics.events, partition, record(value)) for value in values), return_exceptions=True
            )
            for value, answer in zip(values, answers, strict=True):
                if isinstance(answer, int):
                    acknowledged[partition].append(value.encode())

    async with writing(mortal, delivery_timeout=1) as writer, asyncio.TaskGroup() as group:
        stopping = asyncio.Event()
        for partition in (0, 1):
            group.create_task(write(writer, partition, stopping))
        for _ in range(2):
            seen = len(acknowledged[0])
            await until(lambda seen=seen: len(acknowledged[0]) > seen + 500)
            broker.kill()
            await until(lambda: not writer.healthy)
            await asyncio.to_thread(broker.start)
        seen = len(acknowledged[1])
        await until(lambda: len(acknowledged[1]) > seen + 500)
        stopping.set()

    for partition in (0, 1):
        stored = await asyncio.to_thread(read, mortal, topics.events, partition)
        places = {value: place for place, value in enumerate(stored)}
        assert not set(acknowledged[partition]) - set(stored)
        order = [places[value] for value in acknowledged[partition]]
        assert order == sorted(order)
