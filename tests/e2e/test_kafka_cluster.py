"""Three Kafka nodes, two ingress and three worker processes: any of them may die, and nothing acknowledged is lost."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import aiohttp
import psycopg
import pytest

from hub.log.reader import LogReader
from hub.log.records import decode_report, partition_for
from hub.log.topics import Topics
from tests.chaos.events import SECRET, SOURCE, ChaosEvent, make_event
from tests.chaos.load import Sender, sender
from tests.fixtures.kafka_cluster import Cluster
from tests.fixtures.ports import free_port
from tests.fixtures.rows import postgres_rows

pytestmark = pytest.mark.timeout(300)

HUB = [sys.executable, "-P", "-m", "hub"]
PARTITIONS = 6
CONFIGURATION = """\
version: 1
name: {name}
log: {{partitions: {partitions}, replication: 3}}
retry: {{delays: [200ms, 1s]}}
sources: {{{source}: {{type: standard_webhooks, secrets: ["{secret}"], subject: data.id}}}}
destinations: {{warehouse: {{type: database, url: "{database}", retry: {{max_attempts: 1000, max_backoff: 1s}}}}}}
routes: [{{id: keep, when: {{source: [{source}]}}, to: warehouse}}]
"""
_RATE = 100.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    nodes = Cluster(tmp_path_factory.mktemp("cluster") / "nodes", 3)
    try:
        nodes.start()
        yield nodes
    finally:
        nodes.stop()


class Machines:
    """Processes of one hub, as if each were on a machine of its own: they share Kafka and the database, no folder."""

    def __init__(self, folder: Path, cluster: Cluster, topics: Topics, database: str) -> None:
        self.cluster = cluster
        self.database = database
        self.config = folder / "hub.yaml"
        self.config.write_text(
            CONFIGURATION.format(
                name=topics.hub, partitions=PARTITIONS, source=SOURCE, secret=SECRET, database=database
            )
        )
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self._ingresses: list[subprocess.Popen[bytes]] = []
        self.ports: list[int] = []

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        name = f"machine-{len(self._started)}"
        environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("HUB_")},
            "HUB_KAFKA": self.cluster.connection.bootstrap,
            "HUB_HOME": str(self._folder / name),
        }
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [*HUB, *words, "--config", str(self.config)], env=environ, cwd=self._folder, stdout=log, stderr=log
            )
        self._started.append(process)
        return process

    async def ingress(self) -> None:
        port = free_port()
        self._ingresses.append(self.start("ingress", "--port", str(port)))
        self.ports.append(port)
        end = time.monotonic() + 60
        while (status := await self.readyz(port))[0] != 200:
            assert time.monotonic() < end, f"not ready: {status}\n{self.logs()}"
            await asyncio.sleep(0.1)

    async def readyz(self, port: int) -> tuple[int, object]:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                return answer.status, await answer.json()
        except aiohttp.ClientError:
            return 0, None

    def kill_ingress(self, number: int) -> None:
        self._ingresses[number].kill()
        self._ingresses[number].wait()

    def logs(self) -> str:
        return "\n".join(path.read_text()[-1500:] for path in sorted(self._folder.glob("machine-*.log")))

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()

    def rows(self) -> Counter[str]:
        """Event id → in how many rows it is."""
        try:
            return Counter(str(row[0]) for row in postgres_rows(self.database, "SELECT id FROM events"))
        except psycopg.errors.UndefinedTable:
            return Counter()

    async def until_delivered(self, events: Sequence[ChaosEvent], seconds: float = 90.0) -> None:
        end = time.monotonic() + seconds
        while missing := {event.id for event in events} - set(await asyncio.to_thread(self.rows)):
            assert time.monotonic() < end, f"{len(missing)} of {len(events)} are missing\n{self.logs()}"
            await asyncio.sleep(0.2)

    async def verify(self) -> None:
        process = await asyncio.to_thread(self.start, "ledger", "verify")
        assert await asyncio.to_thread(process.wait, 60) == 0, self.logs()


@pytest.fixture
def machines(tmp_path: Path, cluster: Cluster, topics: Topics, postgres_database: str) -> Iterator[Machines]:
    cluster.until_whole()
    found = Machines(tmp_path, cluster, topics, postgres_database)
    try:
        yield found
    finally:
        found.end()


@asynccontextmanager
async def load(port: int, name: str) -> AsyncIterator[Sender]:
    """Posts at a steady rate inside the block, each until it is answered."""
    async with sender(port) as posting:
        numbers = iter(range(1, 1_000_000))
        events = (make_event(number, name=name) for number in numbers if make_event(number).refused_by is None)
        stop: list[bool] = []
        running = asyncio.create_task(posting.post_all(_until_told(events, stop), _RATE))
        try:
            yield posting
        finally:
            stop.append(True)
            await running
    assert not posting.refused


def _until_told(events: Iterator[ChaosEvent], stop: list[bool]) -> Iterator[ChaosEvent]:
    for event in events:
        if stop:
            return
        yield event


async def accepted_more(posting: Sender, count: int, seconds: float = 60.0) -> float:
    """Wait until so many more are answered 202; the longest time between two of them, in seconds."""
    before, end = len(posting.accepted), time.monotonic() + seconds
    while len(posting.accepted) < before + count:
        assert time.monotonic() < end, f"only {len(posting.accepted) - before} of {count} were accepted"
        await asyncio.sleep(0.05)
    times = sorted(one.answered for one in posting.accepted[max(0, before - 1) :])
    return max(later - earlier for earlier, later in pairwise(times))


async def test_any_node_may_be_killed_under_load(machines: Machines, cluster: Cluster) -> None:
    await machines.ingress()
    for _ in range(2):
        machines.start("worker")
    status, answer = await machines.readyz(machines.ports[0])
    assert (status, answer) == (
        200,
        {"status": "ready", "durability": {"replication": 3, "min_insync_replicas": 2, "fsync": False}},
    )
    gaps = []
    async with load(machines.ports[0], "nodes") as posting:
        await accepted_more(posting, 100)
        for node in cluster.nodes:
            node.kill()
            gaps.append(await accepted_more(posting, 300))
            node.start()
            await asyncio.to_thread(cluster.until_whole)
        with cluster.nodes[0].frozen():
            gaps.append(await accepted_more(posting, 300))
    await asyncio.to_thread(cluster.until_whole)
    events = [one.event for one in posting.accepted]
    await machines.until_delivered(events)
    assert machines.rows() == {event.id: 1 for event in events}
    await machines.verify()
    sys.stdout.write(f"longest time without a 202, for each node: {', '.join(f'{gap:.1f} s' for gap in gaps)}\n")


async def test_without_a_majority_it_says_503_and_heals(machines: Machines, cluster: Cluster) -> None:
    await machines.ingress()
    machines.start("worker")
    async with load(machines.ports[0], "majority") as posting:
        await accepted_more(posting, 50)
        for node in cluster.nodes[1:]:
            node.kill()
        end = time.monotonic() + 60
        async with sender(machines.ports[0]) as other:
            while await other.attempt(make_event(9_999_999, name="lonely")) != 503:
                assert time.monotonic() < end, "it accepts what cannot be kept, or says nothing"
                await asyncio.sleep(0.2)
        for node in cluster.nodes[1:]:
            node.start()
        await accepted_more(posting, 100)
    events = [one.event for one in posting.accepted]
    await machines.until_delivered(events)
    assert set(machines.rows().values()) == {1}
    await asyncio.to_thread(cluster.until_whole)
    await machines.verify()


async def test_two_ingresses_and_three_workers_share_the_work_and_take_over(
    machines: Machines, cluster: Cluster, topics: Topics
) -> None:
    for _ in range(2):
        await machines.ingress()
    workers = [machines.start("worker") for _ in range(3)]
    async with load(machines.ports[0], "left") as left, load(machines.ports[1], "right") as right:
        await asyncio.to_thread(until_all_work, cluster, topics, workers)
        await accepted_more(left, 100)
        workers[0].kill()
        taken_over, probes = await take_over(machines, left)
        workers[1].send_signal(signal.SIGTERM)
        await accepted_more(left, 100)
        assert await asyncio.to_thread(workers[1].wait, 40) == 0
        machines.kill_ingress(1)
        machines.start("ingress", "--port", str(machines.ports[1]))
        await accepted_more(right, 100)
    events = [*probes, *(one.event for one in (*left.accepted, *right.accepted))]
    await machines.until_delivered(events)
    assert machines.rows() == {event.id: 1 for event in events}
    await machines.verify()
    sys.stdout.write(f"events of every partition were delivered {taken_over:.1f} s after a worker was killed\n")
    assert taken_over < 30, "take-over takes a session of 3 s, a rebalance and the reading of outcomes"


def until_all_work(cluster: Cluster, topics: Topics, workers: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Every worker says that it works on some partitions, and no two on the same."""
    end = time.monotonic() + 60
    while True:
        held = {
            report.worker.rpartition(":")[2]: report.partitions
            for record in LogReader(cluster.connection, topics).scan(topics.reports)
            if record.value is not None and (report := decode_report(record.value)).destination == "warehouse"
        }
        mine = [held.get(str(worker.pid), ()) for worker in workers]
        if all(mine) and sorted(number for numbers in mine for number in numbers) == list(range(PARTITIONS)):
            return
        assert time.monotonic() < end, f"they hold {mine}"
        time.sleep(0.5)


async def take_over(machines: Machines, posting: Sender) -> tuple[float, list[ChaosEvent]]:
    """Seconds until an event of every partition, sent now, is delivered; and these events."""
    began = time.monotonic()
    candidates = (make_event(number, name="probe") for number in range(1, 200))
    probes = {partition_for(event.subject, PARTITIONS): event for event in candidates if event.refused_by is None}
    assert len(probes) == PARTITIONS
    await asyncio.gather(*(posting.attempt(event) for event in probes.values()))
    await machines.until_delivered(list(probes.values()))
    return time.monotonic() - began, list(probes.values())
