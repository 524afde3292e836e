"""Three Kafka nodes, two ingress and three worker processes: any of them may die, and nothing acknowledged is lost."""

import asyncio
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from hub.log.admin_client import admin_client
from hub.log.connection import KafkaConnection
from hub.log.leaders import follow_leaders
from hub.log.topics import Topics
from tests.chaos.events import make_event
from tests.chaos.load import sender
from tests.fixtures.kafka_cluster import Cluster, Node
from tests.fixtures.machines import Machines, accepted_more, load

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    nodes = Cluster(tmp_path_factory.mktemp("cluster") / "nodes", 3)
    try:
        nodes.start()
        yield nodes
    finally:
        nodes.stop()


@pytest.fixture
def machines(tmp_path: Path, cluster: Cluster, topics: Topics, postgres_database: str) -> Iterator[Machines]:
    cluster.until_whole()
    found = Machines(tmp_path, cluster.connection, topics, postgres_database)
    try:
        yield found
    finally:
        found.end()


async def test_any_node_may_be_killed_under_load(machines: Machines, cluster: Cluster) -> None:
    await machines.ingress()
    for _ in range(2):
        machines.start("worker")
    status, answer = await machines.readyz(machines.ports[0])
    assert (status, answer) == (
        200,
        {"status": "ready", "durability": {"replication": 3, "min_insync_replicas": 2, "fsync": False}},
    )
    gaps = []  # a node that stands still for 20 s is in the long run (tests.chaos.node_deaths)
    async with load(machines.ports[0], "nodes") as posting:
        await accepted_more(posting, 100)
        for node in cluster.nodes:
            node.kill()
            gaps.append(await accepted_more(posting, 150))
            node.start()
            await asyncio.to_thread(cluster.until_whole)
    await machines.assert_exactly_once([one.event for one in posting.accepted])
    sys.stdout.write(f"longest time without a 202, for each node: {', '.join(f'{gap:.1f} s' for gap in gaps)}\n")


async def test_without_a_majority_it_says_503_and_heals(machines: Machines, cluster: Cluster) -> None:
    await machines.ingress()
    machines.start("worker")
    async with load(machines.ports[0], "majority") as posting:
        await accepted_more(posting, 50)
        for node in cluster.nodes[1:]:
            node.kill()
        end = time.monotonic() + 60
        lonely = make_event(9_999_999, name="lonely")
        async with sender(machines.ports[0]) as other:
            while await other.attempt(lonely) != 503:
                assert time.monotonic() < end, "it accepts what cannot be kept, or says nothing"
                await asyncio.sleep(0.2)
            cluster.nodes[1].start()
            await accepted_more(posting, 100)  # two of three are a majority again
            assert await other.post(lonely)
        cluster.nodes[2].start()
    await machines.assert_exactly_once([one.event for one in (*posting.accepted, *other.accepted)])
    await asyncio.to_thread(cluster.until_whole)


async def test_two_ingresses_and_three_workers_share_the_work_and_take_over(machines: Machines) -> None:
    for _ in range(2):
        await machines.ingress()
    workers = [machines.start("worker") for _ in range(3)]
    async with load(machines.ports[0], "left") as left, load(machines.ports[1], "right") as right:
        await asyncio.to_thread(machines.until_all_work, workers)
        await accepted_more(left, 100)
        workers[0].kill()
        taken_over, probes = await machines.take_over(left)
        await asyncio.to_thread(machines.until_all_work, workers[1:])
        workers[1].send_signal(signal.SIGTERM)
        await accepted_more(left, 100)
        assert await asyncio.to_thread(workers[1].wait, 40) == 0
        machines.kill_ingress(1)
        machines.restart_ingress(1)
        await accepted_more(right, 100)
    await machines.assert_exactly_once([*probes, *(one.event for one in (*left.accepted, *right.accepted))])
    sys.stdout.write(f"events of every partition were delivered {taken_over:.1f} s after a worker was killed\n")
    assert taken_over < 30, "take-over takes a session of 3 s, a rebalance and the reading of outcomes"


async def test_a_consumer_finds_a_leader_that_moved_before_it_knew_where_to_begin(
    cluster: Cluster, topics: Topics
) -> None:
    """Stock asks the old one for five minutes."""
    one = TopicPartition(topics.events, 0)
    move_leader(cluster, one, create=True, replicas=[1, 2, 3])
    consumer = AIOKafkaConsumer(**cluster.connection.aiokafka(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        follow_leaders(consumer)
        consumer.assign([one])
        assert await consumer.position(one) == 0
        consumer.pause(one)  # a fetch would tell it
        await asyncio.to_thread(move_leader, cluster, one, create=False, replicas=[2, 3, 1])
        await consumer.seek_to_beginning(one)
        assert await asyncio.wait_for(consumer.position(one), 20) == 0
    finally:
        await consumer.stop()


def move_leader(cluster: Cluster, one: TopicPartition, *, create: bool, replicas: list[int]) -> None:
    """Until the first of the replicas leads, and all nodes know it."""
    with admin_client(cluster.connection, 10.0) as client:
        if create:
            client.create_topics({one.topic: {"num_partitions": 1, "replication_factor": 3}})
        client.alter_partition_reassignments({one: replicas})
        end = time.monotonic() + 60
        while True:
            client.elect_leaders(0, {one.topic: [one.partition]}, raise_errors=False)
            leaders = {leader_said_by(node, one) for node in cluster.nodes}
            if leaders == {replicas[0]}:
                return
            assert time.monotonic() < end, f"they say that {leaders} leads"
            time.sleep(0.2)


def leader_said_by(node: Node, one: TopicPartition) -> int | None:
    with admin_client(KafkaConnection(f"127.0.0.1:{node.port}"), 10.0) as client:
        found = client.describe_topics([one.topic])[0]["partitions"]
        return int(found[0]["leader_id"]) if found else None
