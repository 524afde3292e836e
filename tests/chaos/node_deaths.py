"""Kafka nodes that die or freeze for long under load, again and again, and workers that die beside them.

``python -m tests.chaos.node_deaths [--rounds 2] [--freeze 20]`` prints how long no request was answered 202, how long
partitions rested, and whether every acknowledged event is in the log and in exactly one row.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from hub.log.topics import Topics
from tests.chaos.events import ChaosEvent
from tests.chaos.load import Sender
from tests.fixtures.kafka_cluster import Cluster, Node
from tests.fixtures.machines import Machines, accepted_more, load, longest_gap
from tests.fixtures.postgres import PostgresServer

STORIES = ("nodes", "workers")
SETTLE = 200  # requests answered 202 between two faults


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def told(gaps: Sequence[float]) -> str:
    return ", ".join(f"{gap:.1f}" for gap in gaps) + f" s (longest {max(gaps):.1f})"


async def kill(cluster: Cluster, node: Node, posting: Sender) -> float:
    """The longest time between two 202s around the death of a node, which comes back afterwards."""
    before = len(posting.accepted)
    node.kill()
    await accepted_more(posting, SETTLE)
    node.start()
    await asyncio.to_thread(cluster.until_whole)
    await accepted_more(posting, SETTLE)
    return longest_gap(posting.accepted[max(0, before - 1) :])


async def freeze(cluster: Cluster, node: Node, posting: Sender, seconds: float) -> float:
    """The same, for a node that stands still so long and then goes on where it was."""
    before = len(posting.accepted)
    with node.frozen():
        await asyncio.sleep(seconds)
    await asyncio.to_thread(cluster.until_whole)
    await accepted_more(posting, SETTLE)
    return longest_gap(posting.accepted[max(0, before - 1) :])


async def nodes_fail(machines: Machines, cluster: Cluster, rounds: int, seconds: float) -> list[ChaosEvent]:
    for _ in range(2):
        machines.start("worker")
    killed, frozen = [], []
    async with load(machines.ports[0], "nodes") as posting:
        await accepted_more(posting, SETTLE)
        for _ in range(rounds):
            killed += [await kill(cluster, node, posting) for node in cluster.nodes]
            frozen += [await freeze(cluster, node, posting, seconds) for node in cluster.nodes]
    say(f"longest time between two 202s, a node killed: {told(killed)}")
    say(f"longest time between two 202s, a node frozen for {seconds:g} s: {told(frozen)}")
    return [one.event for one in posting.accepted]


async def workers_fail(machines: Machines, rounds: int) -> list[ChaosEvent]:
    workers = [machines.start("worker") for _ in range(3)]
    times: dict[signal.Signals, list[float]] = {signal.SIGKILL: [], signal.SIGTERM: []}
    probes: list[ChaosEvent] = []
    async with load(machines.ports[0], "workers") as posting:
        for turn, end in enumerate([*times] * (2 * rounds)):
            await asyncio.to_thread(machines.until_all_work, workers)
            await accepted_more(posting, SETTLE)
            workers.pop(0).send_signal(end)
            took, sent = await machines.take_over(posting, f"probe{turn}")
            times[end].append(took)
            probes += sent
            workers.append(machines.start("worker"))
    for end, seconds in times.items():
        say(f"a worker was sent {end.name}, until an event of each partition was delivered: {told(seconds)}")
    return [*probes, *(one.event for one in posting.accepted)]


@asynccontextmanager
async def fresh_machines(folder: Path, cluster: Cluster, database: str, name: str) -> AsyncIterator[Machines]:
    """With one ingress, a folder of their own, and a table that nobody else writes to."""
    (folder / name).mkdir()
    machines = Machines(folder / name, cluster.connection, Topics(name), database, table=name)
    try:
        await machines.ingress()
        yield machines
    finally:
        machines.end()


@contextmanager
def servers(folder: Path, min_session: float) -> Iterator[tuple[Cluster, str]]:
    """Three nodes, and the URL of a database."""
    folder.chmod(0o755)  # PostgreSQL runs as another user
    (folder / "postgres").mkdir()
    postgres = PostgresServer(folder / "postgres", fsync=False)
    cluster = Cluster(folder / "kafka", 3, min_session=min_session)
    try:
        postgres.create()
        postgres.start()
        cluster.start()
        yield cluster, postgres.url()
    finally:
        cluster.stop()
        postgres.stop()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2, help="how often each node is killed and frozen")
    parser.add_argument("--freeze", type=float, default=20.0, help="seconds a node stands still")
    parser.add_argument("--min-session", type=float, default=1.0, help="group.min.session.timeout.ms, in seconds")
    parser.add_argument("--story", action="append", choices=STORIES, help="who fails; all by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, servers(Path(name), given.min_session) as (cluster, database):
        for story in given.story or STORIES:
            began = time.monotonic()
            async with fresh_machines(Path(name), cluster, database, story) as machines:
                if story == "nodes":
                    events = await nodes_fail(machines, cluster, given.rounds, given.freeze)
                else:
                    events = await workers_fail(machines, given.rounds)
                await machines.assert_exactly_once(events)
            seconds = time.monotonic() - began
            say(f"{len(events)} events answered 202 in {seconds:.0f} s: all in the log, each in one row")


if __name__ == "__main__":
    asyncio.run(main())
