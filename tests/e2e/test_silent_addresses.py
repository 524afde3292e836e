"""Brokers that are frozen or cut off: they accept connections and answer nothing, while their neighbours would."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from hub.config.model import LogConfig
from hub.config.settings import Settings
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError
from hub.log.connection import KafkaConnection
from hub.log.handshake import knock
from hub.log.record import Record
from hub.log.scanner import LogScanner
from hub.log.topics import Layout, Topics
from hub.log.writer import LogWriter
from hub.processors.worker import run_worker
from tests.chaos.hub_under_test import HubUnderTest

pytestmark = pytest.mark.timeout(120)

SILENT = 20
"""Clients that take addresses by chance practically always meet one of them first."""


@pytest.fixture
def silent() -> Iterator[list[str]]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(SILENT)]
        yield [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


@pytest.fixture
def mostly_silent(kafka: KafkaConnection, silent: list[str]) -> KafkaConnection:
    """The tests' broker is one address of many."""
    middle = SILENT // 2
    return replace(kafka, bootstrap=",".join([*silent[:middle], kafka.bootstrap, *silent[middle:]]))


def test_the_log_is_administered_and_read_where_somebody_answers(
    mostly_silent: KafkaConnection, topics: Topics
) -> None:
    layout = Layout(topics, LogConfig(partitions=1))
    assert topics.events in LogAdmin(mostly_silent, layout).ensure()
    assert list(LogScanner(mostly_silent).between(topics.events)) == []


async def test_a_writer_connects_to_who_answers(
    kafka: KafkaConnection, mostly_silent: KafkaConnection, topics: Topics
) -> None:
    LogAdmin(kafka, Layout(topics, LogConfig(partitions=1))).ensure()
    writer = LogWriter(mostly_silent, max_pending_records=10, max_pending_bytes=10**6, max_record_bytes=10**6)
    await writer.start()
    try:
        assert writer.healthy, "it waited for one address as long as it has for all"
        assert await writer.append(topics.events, 0, Record(b"key", b"value", [])) == 0
    finally:
        await writer.stop()


async def test_a_worker_starts_and_delivers(mostly_silent: KafkaConnection, topics: Topics, tmp_path: Path) -> None:
    """Its consumer groups, and those who read outcomes and controls beside them, wait for nobody else either."""
    hub = HubUnderTest(mostly_silent, topics.hub, tmp_path, {"out": ("ledger-batch", 0.0)})
    hub.make_topics()
    ids = await hub.produce([{"n": n} for n in range(20)])
    stop = asyncio.Event()
    worker = asyncio.create_task(
        run_worker(hub.configuration(), hub.kafka, Settings(home=hub.home), only=("route", "out"), stop=stop)
    )
    try:
        end = monotonic() + 60
        while set(hub.effects("out")) != set(ids):
            assert monotonic() < end
            assert not worker.done()
            await asyncio.sleep(0.05)
    finally:
        stop.set()
        await worker


def test_where_all_are_silent_it_is_said_in_time(silent: list[str], topics: Topics) -> None:
    nobody = KafkaConnection(",".join(silent))
    answers = knock(nobody, 0.5)
    assert (answers.servers, answers.refusal) == ([], None)
    with pytest.raises(KafkaUnavailableError, match=r"does not answer \(no answer within 0.5 s\)"):
        LogAdmin(nobody, Layout(topics, LogConfig()), timeout=0.5).states()


def test_one_that_refuses_connections_is_passed_over(kafka: KafkaConnection) -> None:
    answers = knock(replace(kafka, bootstrap=f"127.0.0.1:9,{kafka.bootstrap}"), 5.0)
    assert answers.servers == [kafka.bootstrap]
