"""Destinations that collect, on real Kafka: each event is in exactly one object, whatever dies when."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from connectors.errors import ThrottledError
from hub.config.model import BatchConfig
from hub.config.settings import Settings
from hub.log.connection import KafkaConnection
from hub.log.records import Record
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from hub.processors.worker import run_worker
from schemas.outcome import OutcomeState
from schemas.report import DestinationState
from tests.chaos import connectors
from tests.chaos.connectors import pages_folder
from tests.chaos.hub_under_test import HubUnderTest, event_of, stop
from tests.chaos.object_store_deaths import die_at_every_step
from tests.fixtures.s3 import S3Server
from tests.fixtures.s3_faults import Fault

pytestmark = pytest.mark.timeout(240)

MakeHub = Callable[..., HubUnderTest]


@pytest.fixture
def make_hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> MakeHub:
    def make(seconds: float = 0.0, max_records: int = 50, max_wait: float = 0.5, **batch: Any) -> HubUnderTest:
        size = BatchConfig(max_records=max_records, max_wait=timedelta(seconds=max_wait), **batch)
        hub = HubUnderTest(kafka, topics.hub, tmp_path, {"out": ("ledger-pages", seconds)}, batch=size)
        hub.make_topics()
        return hub

    return make


@asynccontextmanager
async def running(hub: HubUnderTest) -> AsyncIterator[None]:
    """The hub's worker, in this process."""
    stopping = asyncio.Event()
    worker = asyncio.create_task(run_worker(hub.configuration(), hub.kafka, Settings(home=hub.home), stop=stopping))
    try:
        yield
    finally:
        stopping.set()
        await worker


def pages(hub: HubUnderTest) -> dict[str, list[str]]:
    """File → event ids."""
    folder = pages_folder(hub.effects_file("out"))
    found = sorted(folder.glob("[!.]*")) if folder.exists() else []
    return {
        path.name: [line.split("~")[0].removeprefix("test/") for line in path.read_text().splitlines()]
        for path in found
    }


def copies(hub: HubUnderTest) -> Counter[str]:
    """Event id → in how many places it is; the hub's own news left out."""
    found = Counter(event for events in pages(hub).values() for event in events)
    return Counter({event: count for event, count in found.items() if not event.startswith("hub/")})


def ranges(hub: HubUnderTest) -> int:
    return len({name.partition("-")[2] for name in pages(hub)})


async def test_each_event_is_in_one_object_when_workers_are_killed_at_every_step_and_the_store_fails(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path, s3: S3Server, bucket: str
) -> None:
    found = await die_at_every_step(kafka, topics.hub, tmp_path, s3, [None, *Fault])
    assert found.copies == dict.fromkeys(found.ids, 1)
    assert found.unfinished == []


async def test_without_a_seal_a_killed_worker_leaves_copies(make_hub: MakeHub) -> None:
    """The control: what the test above relies on."""
    hub = make_hub(max_records=200, max_wait=0.3)
    ids = await hub.produce([{"n": n} for n in range(1200)])
    with hub.workers() as start:
        assert start("--without-seal", "--die-stored").wait(60) == -signal.SIGKILL
    hub = replace(hub, batch=BatchConfig(max_records=3, max_wait=timedelta(milliseconds=300)))
    with hub.workers() as start:
        last = start("--without-seal")
        await hub.until_ended("out", ids)
        assert stop(last) == 0
    assert max(copies(hub).values()) > 1


async def test_workers_that_come_and_go_store_each_event_once(make_hub: MakeHub) -> None:
    hub = make_hub(seconds=0.02, max_records=40)
    ids = await hub.produce([{"n": n} for n in range(2000)])

    async def progress(part: float) -> None:
        await hub.until(lambda: len(copies(hub)) >= part * len(ids), f"{part:.0%} stored")

    with hub.workers() as start:
        first = start()
        await progress(0.1)
        second = start()
        await progress(0.4)
        first.send_signal(signal.SIGSTOP)  # in the middle of a range; it wakes up when another has done it
        third = start()
        await progress(0.7)
        first.send_signal(signal.SIGCONT)
        assert stop(second) == 0
        await hub.until_ended("out", ids)
        assert stop(first) == 0
        assert stop(third) == 0
    assert copies(hub) == dict.fromkeys(ids, 1)


async def test_what_has_come_is_written_after_max_wait_and_nothing_small_before(make_hub: MakeHub) -> None:
    hub = make_hub(max_records=10_000, max_wait=2.0)
    async with running(hub):
        began = monotonic()
        ids = await hub.produce([{"n": n} for n in range(10)], subjects=1)
        await hub.until(lambda: bool(pages(hub)), "written")
        assert monotonic() - began >= 1.9, "before max_wait"
        ids += await hub.produce([{"n": n} for n in range(40)], subjects=1)
        await hub.until_ended("out", ids)
    assert copies(hub) == dict.fromkeys(ids, 1)
    assert ranges(hub) == 2


async def test_a_full_range_does_not_wait(make_hub: MakeHub) -> None:
    hub = make_hub(max_records=100, max_wait=3600.0)
    async with running(hub):
        ids = await hub.produce([{"n": n} for n in range(250)], subjects=1)
        await hub.until(lambda: len(copies(hub)) == 200, "two full ranges")
    assert copies(hub) == dict.fromkeys(ids[:200], 1), "what is gathered is dropped on a stop, and comes again"
    async with running(replace(hub, batch=BatchConfig(max_records=50))):
        await hub.until_ended("out", ids)
    assert copies(hub) == dict.fromkeys(ids, 1)


async def test_memory_is_bounded_over_all_partitions(make_hub: MakeHub) -> None:
    hub = make_hub(max_records=100_000, max_wait=3600.0, max_buffered=100_000)
    ids = await hub.produce([{"n": n, "fill": "x" * 1000} for n in range(1000)])
    async with running(hub):
        await hub.until(lambda: len(copies(hub)) > 900, "written, since no more may be held")
    assert set(copies(hub).values()) == {1}
    assert set(copies(hub)) <= set(ids)


async def test_what_cannot_be_stored_is_a_dead_letter_and_its_neighbours_are_stored(make_hub: MakeHub) -> None:
    hub = make_hub()
    writer = LogWriter(hub.kafka, max_pending_records=10, max_pending_bytes=10**7, max_record_bytes=10**6)
    await writer.start()
    await writer.append_all(hub.topics.deliveries("out"), 0, [Record(b"key", b"what is this", [("who", b"?")])])
    await writer.stop()
    wishes = {7: "poison", 8: "fail"}  # the second is a plugin that raises what it should not
    ids = await hub.produce([{"do": wishes.get(n)} for n in range(60)])
    async with running(hub):
        await hub.until_ended("out", ids)
    dead = {event_of(one) for one in await hub.outcomes("out") if one.state is OutcomeState.DEAD}
    assert dead == {ids[7], ids[8]}
    assert copies(hub) == dict.fromkeys(set(ids) - dead, 1)
    letters = await hub.read(hub.topics.dead_letters)
    assert sorted(letters) == sorted([b"what is this", b'{"do":"poison"}', b'{"do":"fail"}'])


async def test_a_store_that_is_down_costs_no_event(make_hub: MakeHub) -> None:
    hub = make_hub()
    outage = hub.effects_file("out").with_suffix(".outage")
    outage.touch()
    ids = await hub.produce([{"n": n} for n in range(300)])
    async with running(hub):
        await hub.until(lambda: hub.reported("out") is DestinationState.DOWN, "down")
        outage.unlink()
        await hub.until_ended("out", ids)
        await hub.until(lambda: hub.reported("out") is DestinationState.UP, "up")
    assert copies(hub) == dict.fromkeys(ids, 1)
    assert all(one.state is OutcomeState.DELIVERED and one.attempt == 1 for one in await hub.outcomes("out"))
    assert await hub.read(hub.topics.dead_letters) == []


async def test_a_store_that_asks_for_less_gets_a_pause(make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = make_hub()
    calls = []
    store = connectors.Pages.store

    async def slow_down(self: connectors.Pages) -> None:
        calls.append(monotonic())
        if len(calls) == 1:
            raise ThrottledError("slow down", timedelta(seconds=1))
        await store(self)

    monkeypatch.setattr(connectors.Pages, "store", slow_down)
    ids = await hub.produce([{"n": n} for n in range(20)], subjects=1)
    async with running(hub):
        await hub.until_ended("out", ids)
    assert calls[1] - calls[0] >= 1.0
    assert copies(hub) == dict.fromkeys(ids, 1)


async def test_paused_it_stores_nothing_and_then_everything(make_hub: MakeHub) -> None:
    hub = make_hub(max_wait=0.1)
    await hub.control("out", paused=True)
    ids = await hub.produce([{"n": n} for n in range(100)])
    async with running(hub):
        await hub.until(lambda: (report := hub.report("out")) is not None and report.lanes[1].pending > 0, "gathered")
        assert hub.reported("out") is DestinationState.PAUSED
        assert not pages(hub)
        await hub.control("out", paused=False)
        await hub.until_ended("out", ids)
    assert copies(hub) == dict.fromkeys(ids, 1)
