"""The projection of the ledger on real Kafka, in SQLite and PostgreSQL: killed, without its database, dropped."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition

from hub.config.model import LogConfig
from hub.ledger.entries import Entry
from hub.ledger.queries import overview
from hub.ledger.store import Store, StoreAwayError
from hub.log.admin import LogAdmin
from hub.log.admin_client import admin_client
from hub.log.connection import KafkaConnection
from hub.log.records import Record, encode_decision, encode_outcome
from hub.log.topics import Layout, Topics
from hub.log.writer import LogWriter
from schemas.decision import Decision
from schemas.outcome import OutcomeState
from tests.fixtures.ledger import NOON, decision, dump, outcome, stretch
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.timeout(120)

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = 2
EVENTS = 2500  # per partition, more than is taken in by one transaction
DELIVERED, DEAD, DISCARDED, FAILED = OutcomeState

Log = dict[tuple[str, int], list[Entry]]


@dataclass
class Hub:
    """A hub whose ledger was written by hand, and its ``hub worker --only status`` and ``hub ledger``."""

    kafka: KafkaConnection
    topics: Topics
    folder: Path
    url: str

    def configure(self) -> None:
        (self.folder / "hub.yaml").write_text(
            f"version: 1\nname: {self.topics.hub}\nlog: {{partitions: {PARTITIONS}}}\n"
            f'status: {{url: "{self.url}"}}\n'
            "destinations: {out: {type: console}}\nroutes: [{id: all, to: out}]\n"
        )
        LogAdmin(self.kafka, Layout(self.topics, LogConfig(partitions=PARTITIONS), ("out",))).ensure()

    def store(self) -> Store:
        return Store(self.url, self.folder / "home", self.topics.hub)

    def command(self, *words: str) -> "subprocess.Popen[bytes]":
        environ = {**os.environ, "HUB_KAFKA": self.kafka.bootstrap, "HUB_HOME": str(self.folder / "home")}
        argv = [sys.executable, "-m", "hub", *words, "--config", str(self.folder / "hub.yaml")]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(argv, cwd=ROOT, env=environ, stdout=log, stderr=log)

    @contextmanager
    def worker(self) -> Iterator["subprocess.Popen[bytes]"]:
        process = self.command("worker", "--only", "status")
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def taken_in(self) -> int:
        """How many records of the ledger the store has."""
        store = self.store()
        try:
            found = overview(store, NOON)
        except StoreAwayError:
            return 0
        finally:
            store.dispose()
        return sum(found.positions.values()) if found else 0

    def until(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s\n{self.said()[-3000:]}"
            time.sleep(0.05)

    def until_more_than(self, taken_in: int) -> None:
        self.until(lambda: self.taken_in() > taken_in, "something taken in")

    def said(self) -> str:
        return (self.folder / "log").read_text()

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        store = self.store()
        try:
            return dump(store)
        finally:
            store.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def hub(request: pytest.FixtureRequest, kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> Hub:
    sqlite = request.param == "sqlite"
    url = "sqlite:///rows.db" if sqlite else request.getfixturevalue("postgres_database")
    hub = Hub(kafka, topics, tmp_path, url)
    hub.configure()
    return hub


def history(topics: Topics, events: int = EVENTS, first: int = 0) -> Log:
    """Decisions, failures, ends, superseded ends and redrives."""
    log: Log = {}
    for partition in range(PARTITIONS):
        names = {number: f"{partition}-{number}" for number in range(first, first + events)}
        decisions: list[Entry] = [decision(name, number, "out", seconds=number) for number, name in names.items()]
        outcomes: list[Entry] = []
        for number, name in names.items():
            if number % 7 == 0:
                outcomes.append(outcome(name, FAILED, seconds=number))
            outcomes.append(outcome(name, DEAD if number % 50 == 0 else DELIVERED, attempt=2, seconds=number + 1))
            if number % 100 == 0:
                outcomes.append(outcome(name, DELIVERED, run="r1", seconds=number + 2))
            if number % 90 == 0:
                outcomes.append(outcome(name, DELIVERED, seconds=number + 3))
        log[topics.decisions, partition] = decisions
        log[topics.outcomes("out"), partition] = outcomes
    return log


def write(kafka: KafkaConnection, log: Log) -> None:
    async def append() -> None:
        writer = LogWriter(kafka, max_pending_records=20_000, max_pending_bytes=10**8, max_record_bytes=10**6)
        await writer.start()
        for (topic, partition), entries in log.items():
            await writer.append_all(topic, partition, [record(entry) for entry in entries])
        await writer.stop()

    asyncio.run(append())


def record(entry: Entry) -> Record:
    return encode_decision(entry, b"k") if isinstance(entry, Decision) else encode_outcome(entry)


def size(log: Log) -> int:
    return sum(map(len, log.values()))


def expected(
    log: Log, folder: Path, topics: Topics, forgotten: Mapping[str, int] | None = None
) -> dict[str, list[tuple[Any, ...]]]:
    """The rows that the log makes, folded at once; ``forgotten``: topic → first offset that partition 0 still has."""
    store = Store("sqlite:///expected.db", folder, topics.hub)
    store.open({})
    stretches = [stretch(topic, partition, 0, entries) for (topic, partition), entries in log.items()]
    for one in stretches:
        first = (forgotten or {}).get(one.topic, 0) if one.partition == 0 else 0
        store.apply([replace(one, entries=one.entries[first:])])
    found = dump(store)
    store.dispose()
    return found


def test_a_projection_that_is_killed_has_each_record_once_and_can_be_dropped(hub: Hub) -> None:
    log: Log = {}
    for round_of_kills in range(5):  # a worker that was done before it was killed proves nothing: once more
        more = history(hub.topics, first=round_of_kills * EVENTS)
        log = {where: [*log.get(where, []), *entries] for where, entries in more.items()}
        before = hub.taken_in()
        write(hub.kafka, more)
        with hub.worker() as worker:
            hub.until_more_than(before)
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        if hub.taken_in() < size(log):
            break
    assert hub.taken_in() < size(log)
    with hub.worker():
        hub.until(lambda: hub.taken_in() == size(log), "all of it taken in")
    assert hub.rows() == expected(log, hub.folder, hub.topics)
    rebuilt = hub.command("ledger", "rebuild")
    assert rebuilt.wait(60) == 0, hub.said()
    assert hub.rows() == expected(log, hub.folder, hub.topics)


def test_a_store_that_was_deleted_is_filled_again_by_the_worker(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    """Its group has committed everything: only the store knows that it is empty."""
    hub = Hub(kafka, topics, tmp_path, "sqlite:///rows.db")
    hub.configure()
    log = history(hub.topics, 500)
    write(hub.kafka, log)
    with hub.worker() as worker:
        hub.until(lambda: hub.taken_in() == size(log), "all of it taken in")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(40) == 0
    store = hub.store()
    store.clear()
    store.dispose()
    forget(kafka, topics.decisions, 100)  # as retention does
    more = {where: entries[:1] for where, entries in log.items()}
    with hub.worker():
        write(hub.kafka, more)
        hub.until(lambda: hub.taken_in() == size(log) + size(more), "all of it taken in again")
    whole = {where: [*entries, *more[where]] for where, entries in log.items()}
    assert hub.rows() == expected(whole, hub.folder, hub.topics, forgotten={topics.decisions: 100})


def forget(kafka: KafkaConnection, topic: str, offset: int) -> None:
    with admin_client(kafka, 15.0) as client:
        client.delete_records({TopicPartition(topic, 0): offset}, timeout_ms=15_000)


def test_a_database_that_goes_away_stops_nobody_and_loses_nothing(
    postgres: PostgresServer, postgres_database: str, kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    hub = Hub(kafka, topics, tmp_path, postgres_database)
    hub.configure()
    log = history(topics, 300)
    first = {where: entries[:100] for where, entries in log.items()}
    with hub.worker() as worker:
        write(kafka, first)
        hub.until(lambda: hub.taken_in() == size(first), "the first taken in")
        postgres.kill()
        try:
            write(kafka, {where: entries[100:] for where, entries in log.items()})
            hub.until(lambda: "the projection is behind" in hub.said(), "the outage noticed")
            assert worker.poll() is None
        finally:
            postgres.start()
        hub.until(lambda: hub.taken_in() == size(log), "all of it taken in")
    assert hub.rows() == expected(log, tmp_path, topics)


def test_a_disk_that_is_full_stops_nobody_and_loses_nothing(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    """As SQLite reports it: the file may not grow."""
    hub = Hub(kafka, topics, tmp_path, "sqlite:///rows.db")
    hub.configure()
    log = history(topics, 1000)
    with hub.worker() as worker:
        first = {where: entries[:10] for where, entries in log.items()}
        write(kafka, first)
        hub.until(lambda: hub.taken_in() == size(first), "the first taken in")
        resource_limit(worker.pid, 200_000)  # less than the rows, more than its log
        write(kafka, {where: entries[10:] for where, entries in log.items()})
        hub.until(lambda: "the projection is behind" in hub.said(), "the full disk noticed")
        assert worker.poll() is None
        resource_limit(worker.pid, None)
        hub.until(lambda: hub.taken_in() == size(log), "all of it taken in")
    assert hub.rows() == expected(log, tmp_path, topics)


def resource_limit(pid: int, size: int | None) -> None:
    """Bytes that a file written by the process may have at most; Python ignores the signal, so writing fails."""
    import resource

    limit = resource.RLIM_INFINITY if size is None else size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
