"""What is paused stays paused: for whoever starts later, and through an outage of the broker."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka.errors import TopicAlreadyExistsError

from hub.config.model import LogConfig
from hub.log.admin import LogAdmin
from hub.log.admin_client import admin_client
from hub.log.connection import KafkaConnection
from hub.log.embedded import EmbeddedBroker
from hub.log.records import NewerFormatError, Record, encode_control, partition_for
from hub.log.topics import Layout, Topics
from hub.log.writer import LogWriter
from hub.processors.controls import Controls
from schemas.control import Control
from tests.fixtures.ports import broker_ports

PARTITIONS = 3
NEWER = Record(b"out", b'{"format": 2}', [])


def control(destination: str, *, paused: bool, reason: str = "") -> Control:
    return Control(destination, paused, "ada", reason, datetime.now(UTC))


class Log:
    """The topic of controls, and the readers of it that a test starts."""

    def __init__(self, kafka: KafkaConnection, topics: Topics) -> None:
        self.kafka = kafka
        self.topics = topics
        self.failures: list[BaseException] = []
        self.writer = LogWriter(
            kafka, max_pending_records=1000, max_pending_bytes=10**7, max_record_bytes=10**6, delivery_timeout=30
        )

    async def prepare(self) -> None:
        await asyncio.to_thread(LogAdmin(self.kafka, Layout(self.topics, LogConfig(partitions=PARTITIONS))).ensure)
        await self.writer.start()

    async def write(self, *records: Control | Record) -> None:
        for one in records:
            record = encode_control(one) if isinstance(one, Control) else one
            partition = partition_for((record.key or b"").decode(), PARTITIONS)
            await self.writer.append_all(self.topics.controls, partition, [record])

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Controls]:
        controls = Controls(self.kafka, self.topics, PARTITIONS, failed=self.failures.append)
        try:
            await controls.start()
            yield controls
        finally:
            await controls.close()


@pytest.fixture
async def log(kafka: KafkaConnection, topics: Topics) -> AsyncIterator[Log]:
    made = Log(kafka, topics)
    await made.prepare()
    yield made
    await made.writer.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker of the test's own, to be killed."""
    with EmbeddedBroker(tmp_path, ports=broker_ports(), train=False) as broker:
        yield broker


async def until(condition: Callable[[], object], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


async def test_whoever_starts_knows_the_last_control_of_every_destination(log: Log) -> None:
    names = [f"out-{number}" for number in range(10)]
    held = {name: control(name, paused=True, reason="the last") for name in names}
    for name in names:
        await log.write(control(name, paused=True), control(name, paused=False), held[name])
    await log.write(control(names[0], paused=False))
    for _ in range(2):
        async with log.reading() as controls:
            assert {name: controls.paused(name) for name in names} == {**held, names[0]: None}
            assert controls.paused("never heard of") is None


async def test_nothing_was_ever_paused(log: Log) -> None:
    async with log.reading() as controls:
        assert controls.paused("out") is None


async def test_a_running_worker_hears_of_each_change_once(log: Log) -> None:
    heard: list[tuple[str, bool]] = []
    async with log.reading() as controls:
        controls.listen(lambda name: heard.append((name, controls.paused(name) is not None)))
        held = control("out", paused=True)
        await log.write(held, held, control("other", paused=False))
        await until(lambda: heard)
        assert controls.paused("out") == held
        await log.write(control("out", paused=False), control("out", paused=False))
        await log.write(control("out", paused=True, reason="again"))
        await until(lambda: len(heard) >= 3)
    assert heard == [("out", True), ("out", False), ("out", True)]


async def test_an_outage_of_the_broker_changes_nothing_and_what_follows_is_heard(
    broker: EmbeddedBroker, topics: Topics
) -> None:
    log = Log(broker.start(), topics)
    await log.prepare()
    held = control("out", paused=True)
    await log.write(control("out", paused=False), held, control("other", paused=True))
    heard: list[str] = []
    async with log.reading() as controls:
        controls.listen(heard.append)
        broker.kill()
        late = Controls(log.kafka, topics, PARTITIONS, failed=log.failures.append)
        starting = asyncio.create_task(late.start())
        assert not (await asyncio.wait({starting}, timeout=0.5))[0], "it knows nothing yet, so nothing may be delivered"
        assert controls.paused("out") == held
        await asyncio.to_thread(broker.start)
        await starting
        assert late.paused("out") == held
        assert not heard
        await log.write(control("other", paused=False))
        await until(lambda: controls.paused("other") is None and late.paused("other") is None)
        await late.close()
    assert heard == ["other"]
    assert not log.failures
    await log.writer.stop()


async def test_another_log_in_its_place_is_read_whole(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader's offsets mean nothing there; what was paused in the old one is not any more."""
    monkeypatch.setattr("hub.processors.controls._QUIET_MS", 200)
    await log.write(*(control("out", paused=True, reason=f"{number}") for number in range(5)))
    async with log.reading() as controls:
        await asyncio.to_thread(make_anew, log.kafka, log.topics.controls)
        deadline = time.monotonic() + 40
        while controls.paused("out") or not controls.paused("other"):
            assert time.monotonic() < deadline, "it goes on with the offsets of the old log"
            await log.write(control("other", paused=True))  # at first the broker may still write to the old one
            await asyncio.sleep(0.1)
    assert not log.failures


def make_anew(kafka: KafkaConnection, topic: str) -> None:
    with admin_client(kafka, timeout=15) as client:
        client.delete_topics([topic])
        deadline = time.monotonic() + 30
        while True:  # the broker deletes in its own time
            try:
                client.create_topics({topic: {"num_partitions": PARTITIONS, "replication_factor": 1}})
            except TopicAlreadyExistsError:
                assert time.monotonic() < deadline, "the topic is still there"
                time.sleep(0.02)
            else:
                return


async def test_garbage_is_skipped_with_a_warning(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    garbage = [Record(b"out", b"what is this", []), Record(b"out", encode_control(control("x", paused=True)).value, [])]
    await log.write(control("out", paused=True), *garbage)
    async with log.reading() as controls:
        assert controls.paused("out")
        assert controls.paused("x") is None
        await log.write(*garbage, control("out", paused=False))
        await until(lambda: controls.paused("out") is None)
    assert sum(line.getMessage() == "not a control, skipped" for line in caplog.records) == 4


async def test_a_newer_format_stops_whoever_starts(log: Log) -> None:
    await log.write(NEWER)
    with pytest.raises(NewerFormatError):
        async with log.reading():
            pass


async def test_a_newer_format_stops_whoever_runs(log: Log) -> None:
    async with log.reading():
        await log.write(NEWER)
        await until(lambda: log.failures)
    assert isinstance(log.failures[0], NewerFormatError)
