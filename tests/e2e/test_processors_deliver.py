"""Destinations that misbehave, on real Kafka: what they refuse, forget, or never answer costs nobody else anything."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.errors import DestinationDownError
from hub.config.model import RetryConfig
from hub.config.settings import Settings
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.records import Record, decode_decision
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from hub.processors.worker import run_worker
from schemas.outcome import OutcomeState
from tests.chaos import connectors
from tests.chaos.hub_under_test import HubUnderTest, event_of, stop

pytestmark = pytest.mark.timeout(90)

Destinations = dict[str, tuple[str, float]]


@pytest.fixture
def make_hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> Callable[..., HubUnderTest]:
    def make(destinations: Destinations, timeout: float = 5.0, **retry: object) -> HubUnderTest:
        settings = RetryConfig.model_validate({"max_attempts": 3, "backoff": "50ms", **retry})
        hub = HubUnderTest(kafka, topics.hub, tmp_path, destinations, settings, timedelta(seconds=timeout))
        hub.make_topics()
        return hub

    return make


@asynccontextmanager
async def running(hub: HubUnderTest) -> AsyncIterator[None]:
    """The hub's worker, in this process."""
    stop = asyncio.Event()
    worker = asyncio.create_task(
        run_worker(hub.configuration(), hub.kafka, Settings(home=hub.home), stop=stop), name="worker"
    )
    try:
        yield
    finally:
        stop.set()
        await worker


async def states(hub: HubUnderTest, destination: str) -> dict[str, list[OutcomeState]]:
    found: dict[str, list[OutcomeState]] = {}
    for outcome in await hub.outcomes(destination):
        found.setdefault(event_of(outcome), []).append(outcome.state)
    return found


@pytest.mark.parametrize("connector", ["ledger-batch", "ledger-each"])
async def test_a_poison_record_is_dead_at_once_and_its_neighbours_go_on(
    make_hub: Callable[..., HubUnderTest], connector: str
) -> None:
    hub = make_hub({"out": (connector, 0.0)})
    ids = await hub.produce([{"do": "poison" if n == 7 else None} for n in range(50)], subjects=1)
    async with running(hub):
        await hub.until_ended("out", ids)
    found = await states(hub, "out")
    assert found.pop(ids[7]) == [OutcomeState.DEAD]
    assert all(each == [OutcomeState.DELIVERED] for each in found.values())
    letters = await hub.read(hub.topics.dead_letters)
    assert letters == [b'{"do":"poison"}']


@pytest.mark.parametrize("connector", ["ledger-batch", "ledger-each"])
async def test_a_failed_attempt_is_repeated_and_given_up_in_the_end(
    make_hub: Callable[..., HubUnderTest], connector: str
) -> None:
    hub = make_hub({"out": (connector, 0.0)})
    ids = await hub.produce([{"do": {3: "fail", 4: "fail-once"}.get(n)} for n in range(20)])
    async with running(hub):
        await hub.until_ended("out", ids)
    found = await states(hub, "out")
    assert found.pop(ids[3]) == [OutcomeState.FAILED, OutcomeState.FAILED, OutcomeState.DEAD]
    assert found.pop(ids[4]) == [OutcomeState.FAILED, OutcomeState.DELIVERED]
    assert all(each == [OutcomeState.DELIVERED] for each in found.values())
    attempts = [outcome.attempt for outcome in await hub.outcomes("out") if event_of(outcome) == ids[3]]
    assert attempts == [1, 2, 3]


async def test_a_key_the_result_forgot_is_a_failure(make_hub: Callable[..., HubUnderTest]) -> None:
    hub = make_hub({"out": ("ledger-batch", 0.0)})
    ids = await hub.produce([{"do": "say-nothing" if n == 2 else None} for n in range(10)])
    async with running(hub):
        await hub.until_ended("out", ids)
    assert (await states(hub, "out"))[ids[2]] == [OutcomeState.FAILED, OutcomeState.DELIVERED]
    assert set(hub.effects("out").values()) == {1}


async def test_attempts_survive_a_restart(make_hub: Callable[..., HubUnderTest]) -> None:
    hub = make_hub({"out": ("ledger-each", 0.0)}, backoff="2s")
    ids = await hub.produce([{"do": "fail"}])
    while not await hub.outcomes("out"):
        async with running(hub):
            await wait_for_outcomes(hub, 1)
    async with running(hub):
        await hub.until_ended("out", ids)
    assert [outcome.attempt for outcome in await hub.outcomes("out")] == [1, 2, 3]


async def wait_for_outcomes(hub: HubUnderTest, count: int) -> None:
    end = monotonic() + 20
    while len(await hub.outcomes("out")) < count:
        assert monotonic() < end, "no outcome"
        await asyncio.sleep(0.05)


async def test_a_destination_that_hangs_delays_no_other_and_cannot_stop_the_stop(
    make_hub: Callable[..., HubUnderTest],
) -> None:
    hub = make_hub({"out": ("ledger-batch", 0.0), "stuck": ("hanging", 0.0)}, timeout=600.0)
    ids = await hub.produce([{"n": n} for n in range(200)])
    with hub.workers() as start:
        worker = start()
        await hub.until_ended("out", ids, deadline=20.0)
        assert stop(worker, deadline=35.0) == 0
    assert await hub.outcomes("stuck") == []


async def test_copies_of_one_delivery_have_one_effect(make_hub: Callable[..., HubUnderTest]) -> None:
    """Route wrote them twice: it was interrupted between its deliveries and its commit."""
    hub = make_hub({"out": ("ledger-batch", 0.0)})
    ids = await hub.produce([{"n": n} for n in range(30)])
    async with running(hub):
        await hub.until_ended("out", ids)
    await write_again(hub, ids)
    async with running(hub):
        more = await hub.produce([{"n": 0}], subjects=1)
        await hub.until_ended("out", more)
        await committed_everything(hub)
    assert set(hub.effects("out").values()) == {1}


async def write_again(hub: HubUnderTest, ids: list[str]) -> None:
    topic = hub.topics.deliveries("out")
    consumer = AIOKafkaConsumer(**hub.kafka.aiokafka(), auto_offset_reset="earliest")
    writer = LogWriter(hub.kafka, max_pending_records=1000, max_pending_bytes=10**7, max_record_bytes=10**6)
    await consumer.start()
    await writer.start()
    consumer.assign([TopicPartition(topic, number) for number in range(4)])
    copied = 0
    while copied < len(ids):
        for records in (await consumer.getmany(timeout_ms=500)).values():
            for record in records:
                again = Record(record.key, record.value, list(record.headers))
                await writer.append_all(topic, record.partition, [again, again])
                copied += 1
                if copied == len(ids):
                    break
    await writer.stop()
    await consumer.stop()


async def committed_everything(hub: HubUnderTest) -> None:
    admin = LogAdmin(hub.kafka, hub.configuration().layout)
    end = monotonic() + 20
    while True:
        found = await asyncio.to_thread(admin.states)
        if all(state.lag in {0, None} for state in found):
            return
        assert monotonic() < end, [(state.spec.name, state.lag) for state in found]
        await asyncio.sleep(0.1)


async def test_a_record_that_is_not_ours_becomes_a_dead_letter(make_hub: Callable[..., HubUnderTest]) -> None:
    hub = make_hub({"out": ("ledger-batch", 0.0)})
    writer = LogWriter(hub.kafka, max_pending_records=1000, max_pending_bytes=10**7, max_record_bytes=10**6)
    await writer.start()
    for topic in (hub.topics.events, hub.topics.deliveries("out")):
        await writer.append_all(topic, 0, [Record(b"key", b"what is this", [("who", b"a stranger")])])
    await writer.stop()
    ids = await hub.produce([{"n": n} for n in range(20)])
    async with running(hub):
        await hub.until_ended("out", ids)
        await committed_everything(hub)
    assert await hub.read(hub.topics.dead_letters) == [b"what is this"] * 2


async def test_every_event_has_its_decision(make_hub: Callable[..., HubUnderTest]) -> None:
    hub = make_hub({"out": ("ledger-batch", 0.0), "other": ("ledger-each", 0.0)})
    ids = await hub.produce([{"n": n} for n in range(40)])
    async with running(hub):
        await hub.until_ended("out", ids)
        await hub.until_ended("other", ids)
    decisions = [decode_decision(value) for value in await hub.read(hub.topics.decisions)]
    assert Counter(decision.id for decision in decisions) == Counter(ids)
    assert all([one.destination for one in decision.deliveries] == ["out", "other"] for decision in decisions)


async def test_a_destination_that_is_down_gets_probes_and_costs_no_attempt(
    make_hub: Callable[..., HubUnderTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub({"out": ("ledger-each", 0.0)}, max_attempts=1, backoff="100ms")
    calls: list[float] = []
    up = asyncio.Event()
    deliver_one = connectors.LedgerEach.deliver_one

    async def sometimes(self: connectors.LedgerEach, delivery: object) -> None:
        calls.append(monotonic())
        if not up.is_set():
            raise DestinationDownError("nobody home")
        await deliver_one(self, delivery)  # type: ignore[arg-type]  # the test does not look at it

    monkeypatch.setattr(connectors.LedgerEach, "deliver_one", sometimes)
    ids = await hub.produce([{"n": n} for n in range(50)])
    async with running(hub):
        await hub.until(lambda: len(calls) >= 8, "probes")
        probes = calls[4:]  # the first were in flight together
        assert all(later - earlier > 0.15 for earlier, later in pairwise(probes))
        up.set()
        await hub.until_ended("out", ids)
    assert all(each == [OutcomeState.DELIVERED] for each in (await states(hub, "out")).values())


async def test_a_subject_stays_in_order(make_hub: Callable[..., HubUnderTest]) -> None:
    hub = make_hub({"out": ("ledger-each", 0.002)})
    ids = await hub.produce([{"do": "fail-once" if n % 17 == 0 else None} for n in range(200)], subjects=5)
    async with running(hub):
        await hub.until_ended("out", ids)
    order = [line.split("~")[0].removeprefix("test/") for line in hub.effects_file("out").read_text().splitlines()]
    for subject in range(5):
        assert [each for each in order if each in ids[subject::5]] == ids[subject::5]
