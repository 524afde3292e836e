"""``hub worker`` as a process: what it waits for, what it refuses, and what it survives."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic, sleep

import pytest

from hub.config.model import LogConfig
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.embedded import EmbeddedBroker
from hub.log.topics import Layout, Topics
from tests.chaos.hub_under_test import HubUnderTest, stop
from tests.fixtures.ports import broker_ports, free_port

pytestmark = pytest.mark.timeout(120)

ROOT = Path(__file__).resolve().parents[2]

Start = Callable[[str, Sequence[str]], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path, topics: Topics) -> Iterator[Start]:
    """Starts ``hub worker`` with a small configuration; its output is in ``worker.log``."""
    (tmp_path / "hub.yaml").write_text(
        f"version: 1\nname: {topics.hub}\nlog: {{partitions: 2}}\n"
        "destinations:\n  out: {type: console}\nroutes:\n  - {id: all, to: out}\n"
    )
    started: list[subprocess.Popen[bytes]] = []

    def worker(kafka: str, arguments: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "hub", "worker", "--config", str(tmp_path / "hub.yaml"), *arguments]
        environment = {**os.environ, "HUB_KAFKA": kafka, "HUB_HOME": str(tmp_path / "hub")}
        with (tmp_path / "worker.log").open("wb") as log:
            started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        return started[-1]

    yield worker
    for process in started:
        process.kill()
        process.wait()


def until_logged(tmp_path: Path, text: str, deadline: float = 30.0) -> None:
    end = monotonic() + deadline
    while text not in (log := (tmp_path / "worker.log").read_text()):
        assert monotonic() < end, f"{text!r} was never logged:\n{log}"
        sleep(0.05)


def test_it_waits_for_a_broker_that_is_away_and_stops_while_it_waits(start: Start, tmp_path: Path) -> None:
    worker = start(f"127.0.0.1:{free_port()}", [])
    until_logged(tmp_path, "waiting for Kafka")
    assert worker.poll() is None
    assert stop(worker, deadline=20.0) == 0


def test_it_makes_its_topics_and_stops_when_told(start: Start, tmp_path: Path, kafka: KafkaConnection) -> None:
    worker = start(kafka.bootstrap, ["--only", "route"])
    until_logged(tmp_path, "worker runs processors=route")
    assert stop(worker) == 0


def test_a_processor_that_does_not_exist_is_a_usage_error(start: Start, tmp_path: Path, kafka: KafkaConnection) -> None:
    assert start(kafka.bootstrap, ["--only", "outt"]).wait(20) == 2
    assert "expected route, delay, deliver, shared, status, or one of out" in (tmp_path / "worker.log").read_text()


def test_another_number_of_partitions_is_refused(
    start: Start, tmp_path: Path, kafka: KafkaConnection, topics: Topics
) -> None:
    LogAdmin(kafka, Layout(topics, LogConfig(partitions=3), ("out",))).ensure()
    assert start(kafka.bootstrap, []).wait(20) == 2
    assert "log.partitions is 2" in (tmp_path / "worker.log").read_text()


async def test_it_goes_on_after_the_broker_was_killed(tmp_path: Path, topics: Topics) -> None:
    broker = EmbeddedBroker(tmp_path / "broker", ports=broker_ports(), train=False)
    try:
        hub = HubUnderTest(broker.start(), topics.hub, tmp_path, {"out": ("ledger-batch", 0.0)})
        hub.make_topics()
        with hub.workers() as start_worker:
            worker = start_worker()
            before = await hub.produce([{"n": n} for n in range(200)])
            await hub.until_ended("out", before)
            broker.kill()
            assert broker.start().bootstrap == hub.kafka.bootstrap
            after = await hub.produce([{"n": n} for n in range(200)])
            await hub.until_ended("out", after, deadline=60.0)
            assert worker.poll() is None, "it ended, although only the broker was away"
            assert stop(worker) == 0
        assert set(hub.effects("out")) == {*before, *after}
    finally:
        broker.stop()


async def test_a_backlog_larger_than_a_batch_may_be_is_worked_off(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    """What is written at once is more than a topic takes in one batch: it must be divided, not refused for ever."""
    hub = HubUnderTest(kafka, topics.hub, tmp_path, {"out": ("ledger-batch", 0.0)})
    hub.make_topics()
    ids = await hub.produce([{"n": n, "text": "x" * 10_000} for n in range(600)], subjects=1)
    with hub.workers() as start_worker:
        worker = start_worker()
        await hub.until_ended("out", ids)
        assert stop(worker) == 0
