"""Workers are killed, frozen, added and taken away under load. `HUB_CHAOS_EVENTS` makes the load heavier."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from tests.chaos.hub_under_test import BATCH, CONCURRENCY, PARTITIONS, HubUnderTest, event_of, stop, superseded

EVENTS = int(os.environ.get("HUB_CHAOS_EVENTS", "1500"))

IN_FLIGHT = {"ledger-batch": 2 * PARTITIONS * BATCH, "ledger-each": 2 * CONCURRENCY}
"""Deliveries whose effect may be there without an outcome when a worker dies: those of the calls under way, and as many
whose outcomes are being written.
"""

pytestmark = pytest.mark.timeout(300)


def make_hub(kafka: KafkaConnection, topics: Topics, home: Path, connector: str, seconds: float) -> HubUnderTest:
    hub = HubUnderTest(kafka, topics.hub, home, {"out": (connector, seconds)})
    hub.make_topics()
    return hub


async def check(hub: HubUnderTest, ids: list[str], *, repeats: int) -> None:
    """Every event had its effect and exactly one first end, ``delivered``; effects repeat at most ``repeats`` times."""
    effects = hub.effects("out")
    lost = set(ids) - set(effects)
    assert not lost, f"{len(lost)} of {len(ids)} events never had their effect"
    assert sum(effects.values()) - len(effects) <= repeats
    outcomes = await hub.outcomes("out")
    assert {event_of(outcome) for outcome in outcomes if outcome.state.terminal} == set(ids)
    assert superseded(outcomes) <= repeats


@pytest.mark.parametrize("connector", ["ledger-batch", "ledger-each"])
async def test_a_killed_worker_loses_nothing(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path, connector: str
) -> None:
    hub = make_hub(kafka, topics, tmp_path, connector, 0.05 if connector == "ledger-batch" else 0.005)
    ids = await hub.produce([{"n": n} for n in range(EVENTS)])
    with hub.workers() as start:
        first = start()
        await hub.until(lambda: len(hub.effects("out")) >= EVENTS // 3, "the first worker delivers")
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert len(hub.effects("out")) < EVENTS, "it was done before it was killed: this proves nothing"
        second = start()
        await hub.until_ended("out", ids)
        assert stop(second) == 0
    await check(hub, ids, repeats=IN_FLIGHT[connector])


async def test_a_commit_before_the_effect_is_found_out(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> None:
    """The control: with the mistake built in, the check above fails."""
    hub = make_hub(kafka, topics, tmp_path, "ledger-batch", 25.0)  # killed long before the first effect
    ids = await hub.produce([{"n": n} for n in range(100)])
    admin = LogAdmin(kafka, hub.configuration().layout)

    def committed() -> int:
        return sum(
            sum(state.committed.values()) for state in admin.states() if state.spec.name == topics.deliveries("out")
        )

    with hub.workers() as start:
        first = start("--commit-first")
        while await asyncio.to_thread(committed) <= len(hub.effects("out")):
            assert first.poll() is None, hub.logs()
        first.send_signal(signal.SIGKILL)
        first.wait()
    hub = replace(hub, destinations={"out": ("ledger-batch", 0.0)})
    with hub.workers() as start:
        second = start()
        with pytest.raises(AssertionError, match="never ended"):
            await hub.until_ended("out", ids, deadline=8.0)
        assert stop(second) == 0
    with pytest.raises(AssertionError, match="never had their effect"):
        await check(hub, ids, repeats=IN_FLIGHT["ledger-batch"])


async def test_a_worker_frozen_for_longer_than_its_session_loses_nothing(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    hub = make_hub(kafka, topics, tmp_path, "ledger-batch", 0.05)
    ids = await hub.produce([{"n": n} for n in range(EVENTS)])
    with hub.workers() as start:
        frozen = start()
        await hub.until(lambda: len(hub.effects("out")) >= EVENTS // 3, "the first worker delivers")
        frozen.send_signal(signal.SIGSTOP)
        other = start()
        await hub.until_ended("out", ids)
        frozen.send_signal(signal.SIGCONT)
        more = await hub.produce([{"n": n} for n in range(EVENTS // 3)])
        await hub.until_ended("out", more)
        assert stop(frozen) == 0
        assert stop(other) == 0
    await check(hub, ids + more, repeats=IN_FLIGHT["ledger-batch"])


async def test_workers_that_come_and_go_deliver_everything_once(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    hub = make_hub(kafka, topics, tmp_path, "ledger-batch", 0.1)
    ids = await hub.produce([{"n": n} for n in range(2 * EVENTS)])

    async def progress(part: float) -> None:
        await hub.until(lambda: len(hub.effects("out")) >= part * len(ids), f"{part:.0%} delivered")

    with hub.workers() as start:
        first = start()
        await progress(0.05)
        second = start()
        await progress(0.35)
        third = start()
        await progress(0.6)
        assert stop(first) == 0
        await progress(0.8)
        assert stop(second) == 0
        await hub.until_ended("out", ids)
        assert stop(third) == 0
    await check(hub, ids, repeats=0)
