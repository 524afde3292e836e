"""A hub with destinations made for tests: its configuration, its topics, its workers, and what became of its events."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.api import Options
from connectors.destinations.object_store import ObjectStoreConfig, ObjectStoreDestination
from hub.config.model import (
    BatchConfig,
    Configuration,
    DeliverySettings,
    DestinationEntry,
    LogConfig,
    RetryConfig,
    Route,
    Target,
    Where,
)
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.reader import LogReader
from hub.log.records import (
    decode_outcome,
    decode_report,
    encode_control,
    encode_event,
    partition_for,
    partition_for_bytes,
)
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from schemas.control import Control
from schemas.event import Event
from schemas.outcome import Outcome
from schemas.report import DestinationReport, DestinationState
from tests.chaos.connectors import CONNECTORS, LedgerConfig

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = 4
BATCH = 20
CONCURRENCY = 4
_NOWHERE = Where("test", 1)


@dataclass(frozen=True)
class HubUnderTest:
    """``destinations``: name → (connector, seconds per call). Every event goes to every destination."""

    kafka: KafkaConnection
    name: str
    home: Path
    destinations: Mapping[str, tuple[str, float]]
    retry: RetryConfig = field(default_factory=lambda: RetryConfig(max_attempts=3, backoff=timedelta(milliseconds=50)))
    timeout: timedelta = timedelta(seconds=30)
    delays: tuple[timedelta, ...] = (timedelta(milliseconds=200), timedelta(milliseconds=400))
    route: Mapping[str, Any] = field(default_factory=dict)
    """What the route says beside its id and where it goes."""
    batch: BatchConfig = field(default_factory=lambda: BatchConfig(max_records=BATCH))
    store: Mapping[str, Any] = field(default_factory=dict)
    """Options of destinations whose connector is `object_store`."""

    @property
    def topics(self) -> Topics:
        return Topics(self.name)

    def effects_file(self, destination: str) -> Path:
        return self.home / f"{destination}.effects"

    def configuration(self) -> Configuration:
        settings = DeliverySettings(timeout=self.timeout, concurrency=CONCURRENCY, batch=self.batch, retry=self.retry)
        entries = {
            name: DestinationEntry(
                name,
                ObjectStoreDestination if connector == "object_store" else CONNECTORS[connector],
                ObjectStoreConfig.model_validate(self.store)
                if connector == "object_store"
                else LedgerConfig(effects=self.effects_file(name), seconds=seconds),
                settings,
                isolated=False,
                where=_NOWHERE,
            )
            for name, (connector, seconds) in self.destinations.items()
        }
        targets = tuple(Target(name, Options(), self.retry) for name in entries)
        log = LogConfig(partitions=PARTITIONS)
        routes = (Route("everything", None, targets, _NOWHERE, **self.route),)
        return Configuration(self.name, log, {}, entries, routes, (), "0" * 12, self.delays)

    def make_topics(self) -> None:
        LogAdmin(self.kafka, self.configuration().layout).ensure()

    async def produce(
        self,
        bodies: Sequence[Mapping[str, object]],
        subjects: int = 40,
        metadata: Callable[[int], Mapping[str, str]] = lambda _: {},
        age: timedelta = timedelta(),
    ) -> list[str]:
        """Append one event per body, received ``age`` ago; returns their ids. Event i has subject ``i % subjects``."""
        writer = LogWriter(
            self.kafka, max_pending_records=10_000, max_pending_bytes=50_000_000, max_record_bytes=1_000_000
        )
        await writer.start()
        by_partition: dict[int, list[Event]] = {}
        prefix = f"{time.time_ns()}"
        for number, body in enumerate(bodies):
            value = orjson.dumps(body)
            event = Event(
                source="test",
                id=f"{prefix}-{number}",
                type="thing.happened",
                received=datetime.now(UTC) - age,
                digest=hashlib.sha256(value).hexdigest(),
                body=value,
                subject=f"subject-{number % subjects}",
                metadata=metadata(number),
            )
            by_partition.setdefault(partition_for(event.partition_key, PARTITIONS), []).append(event)
        await asyncio.gather(
            *(
                writer.append_all(self.topics.events, partition, [encode_event(event) for event in events])
                for partition, events in by_partition.items()
            )
        )
        await writer.stop()
        return [f"{prefix}-{number}" for number in range(len(bodies))]

    # -- workers

    @contextmanager
    def workers(self) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
        """A function that starts one worker process; whatever still runs at the end is killed."""
        started: list[subprocess.Popen[bytes]] = []
        command = [sys.executable, "-m", "tests.chaos.worker_process", self.kafka.bootstrap, self.name, str(self.home)]
        command.append(f"--cluster={self.kafka.cluster_id or ''}")
        words = [f"{name}={kind}:{seconds}" for name, (kind, seconds) in self.destinations.items()]
        wait = self.batch.max_wait.total_seconds() if self.batch.max_wait else 60
        words += [f"--batch={self.batch.max_records},{wait}", f"--store={orjson.dumps(self.store).decode()}"]

        def start(*options: str) -> "subprocess.Popen[bytes]":
            with (self.home / f"worker-{len(started)}.log").open("wb") as log:
                process = subprocess.Popen([*command, *words, *options], cwd=ROOT, stdout=log, stderr=log)
            started.append(process)
            return process

        try:
            yield start
        finally:
            for process in started:
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                process.wait()

    def logs(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in sorted(self.home.glob("worker-*.log")))

    # -- what became of it

    def effects(self, destination: str) -> Counter[str]:
        """Event id → how often it had its effect."""
        path = self.effects_file(destination)
        lines = path.read_text().splitlines() if path.exists() else []
        return Counter(line.split("~")[0].removeprefix("test/") for line in lines)

    async def outcomes(self, destination: str) -> list[Outcome]:
        """Every outcome, in the order of its partition."""
        topic = self.topics.outcomes(destination)
        return [decode_outcome(value) for value in await self.read(topic)]

    async def events(self) -> list[Event]:
        """Everything in the events topic."""
        found = await asyncio.to_thread(lambda: list(LogReader(self.kafka, self.topics).events()))
        return [stored.event for stored in found]

    async def control(self, destination: str, *, paused: bool) -> None:
        """Pause or resume it, as `hub pause` does."""
        record = encode_control(Control(destination, paused, "ada", "tests", datetime.now(UTC)))
        writer = LogWriter(self.kafka, max_pending_records=10, max_pending_bytes=10**6, max_record_bytes=10**6)
        await writer.start()
        await writer.append_all(self.topics.controls, partition_for_bytes(destination.encode(), PARTITIONS), [record])
        await writer.stop()

    def report(self, destination: str) -> DestinationReport | None:
        """The last report of any worker; None where the last one stopped."""
        last = None
        for record in LogReader(self.kafka, self.topics).scan(self.topics.reports):
            if record.key.startswith(f"{destination}/".encode()):
                last = record.value
        return None if last is None else decode_report(last)

    def reported(self, destination: str) -> DestinationState | None:
        report = self.report(destination)
        return None if report is None else report.state

    async def read(self, topic: str) -> list[bytes]:
        consumer = AIOKafkaConsumer(**self.kafka.aiokafka(), auto_offset_reset="earliest", fetch_max_wait_ms=50)
        await consumer.start()
        try:
            partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            values: list[bytes] = []
            for partition in partitions:
                while await consumer.position(partition) < ends[partition]:
                    found = await consumer.getmany(partition, timeout_ms=200)
                    values += [record.value for record in found.get(partition, [])]
        finally:
            await consumer.stop()
        return values

    async def until(self, condition: Callable[[], bool], what: str, deadline: float = 40.0) -> None:
        """Wait for a condition; the error shows what the workers said."""
        end = time.monotonic() + deadline
        while not condition():
            assert time.monotonic() < end, f"{what}: not within {deadline:g} s\n{self.logs()}"
            await asyncio.sleep(0.02)

    async def until_ended(self, destination: str, ids: Sequence[str], deadline: float = 40.0) -> None:
        """Wait until every event has a terminal outcome."""
        end = time.monotonic() + deadline
        while True:
            ended = {event_of(outcome) for outcome in await self.outcomes(destination) if outcome.state.terminal}
            missing = set(ids) - ended
            if not missing:
                return
            assert time.monotonic() < end, f"{len(missing)} of {len(ids)} never ended\n{self.logs()}"
            await asyncio.sleep(0.1)


def event_of(outcome: Outcome) -> str:
    return outcome.delivery.split("~")[0].removeprefix("test/")


def superseded(outcomes: Sequence[Outcome]) -> int:
    """How many terminal outcomes are not the first of their delivery."""
    terminal = Counter((outcome.delivery, outcome.run) for outcome in outcomes if outcome.state.terminal)
    return sum(count - 1 for count in terminal.values())


def stop(process: "subprocess.Popen[bytes]", deadline: float = 30.0) -> int:
    """SIGTERM; returns the exit code."""
    os.kill(process.pid, signal.SIGTERM)
    return process.wait(deadline)
