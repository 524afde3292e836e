"""Destinations that misbehave, on real Kafka: what they refuse, forget, or never answer costs nobody else anything."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.api import Template
from connectors.errors import DestinationDownError
from hub.config.model import Order, RetryConfig
from hub.config.settings import Settings
from hub.delivery.pending import Entry
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.records import Record, decode_decision
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from hub.processors import settlement
from hub.processors.admission import Admission
from hub.processors.appending import append_all
from hub.processors.settlement import Work
from hub.processors.window import Received
from hub.processors.worker import run_worker
from schemas.lane import Lane
from schemas.outcome import OutcomeState
from schemas.report import DestinationState
from tests.chaos import connectors
from tests.chaos.hub_under_test import HubUnderTest, event_of, stop

pytestmark = pytest.mark.timeout(90)

Destinations = dict[str, tuple[str, float]]


@pytest.fixture
def make_hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> Callable[..., HubUnderTest]:
    def make(
        destinations: Destinations, timeout: float = 5.0, route: Mapping[str, object] | None = None, **retry: object
    ) -> HubUnderTest:
        settings = RetryConfig.model_validate({"max_attempts": 3, "backoff": "50ms", **retry})
        hub = HubUnderTest(
            kafka, topics.hub, tmp_path, destinations, settings, timedelta(seconds=timeout), route=route or {}
        )
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
    hub = make_hub({"out": ("ledger-each", 0.0)}, route={"order": Order.STRICT}, backoff="2s")
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


async def test_in_strict_order_a_subject_waits_for_what_failed(make_hub: Callable[..., HubUnderTest]) -> None:
    hub = make_hub({"out": ("ledger-each", 0.002)}, route={"order": Order.STRICT})
    ids = await hub.produce([{"do": "fail-once" if n % 17 == 0 else None} for n in range(200)], subjects=5)
    async with running(hub):
        await hub.until_ended("out", ids)
    order = effects_in_order(hub)
    for subject in range(5):
        assert [each for each in order if each in ids[subject::5]] == ids[subject::5]


async def test_a_subject_stays_in_order_but_for_what_is_tried_again(make_hub: Callable[..., HubUnderTest]) -> None:
    hub = make_hub({"out": ("ledger-each", 0.002)})
    ids = await hub.produce([{"do": "fail-once" if n % 17 == 0 else None} for n in range(200)], subjects=5)
    async with running(hub):
        await hub.until_ended("out", ids)
    order, failed = effects_in_order(hub), set(ids[::17])
    for subject in range(5):
        in_order = [each for each in ids[subject::5] if each not in failed]
        assert [each for each in order if each in in_order] == in_order
    assert Counter(order) == Counter(ids)


def effects_in_order(hub: HubUnderTest) -> list[str]:
    lines = hub.effects_file("out").read_text().splitlines()
    return [line.split("~")[0].removeprefix("test/") for line in lines]


@pytest.mark.parametrize("connector", ["ledger-batch", "ledger-each"])
async def test_an_outage_that_the_plugin_does_not_report_as_one_kills_nothing(
    make_hub: Callable[..., HubUnderTest], connector: str
) -> None:
    hub = make_hub({"out": (connector, 0.0)}, max_attempts=1)
    outage = hub.effects_file("out").with_suffix(".outage")
    outage.touch()
    ids = await hub.produce([{"n": n} for n in range(60)])
    async with running(hub):
        await hub.until(lambda: hub.reported("out") is DestinationState.DOWN, "the breaker opens")
        outage.unlink()
        await hub.until_ended("out", ids)
    assert all(each == [OutcomeState.DELIVERED] for each in (await states(hub, "out")).values())
    assert {outcome.attempt for outcome in await hub.outcomes("out")} == {1}
    assert set(hub.effects("out").values()) == {1}


async def test_a_record_that_fails_its_whole_batch_dies_alone(make_hub: Callable[..., HubUnderTest]) -> None:
    hub = make_hub({"out": ("ledger-batch", 0.0)})
    ids = await hub.produce([{"do": "curse" if n == 30 else None} for n in range(100)], subjects=1)
    async with running(hub):
        await hub.until_ended("out", ids, deadline=60.0)
    found = await states(hub, "out")
    assert found.pop(ids[30])[-1] == OutcomeState.DEAD
    assert all(each[-1] == OutcomeState.DELIVERED for each in found.values())
    assert set(hub.effects("out").values()) == {1}


async def test_what_is_stale_is_discarded_and_not_delivered(make_hub: Callable[..., HubUnderTest]) -> None:
    hub = make_hub({"out": ("ledger-each", 0.0)}, route={"stale_after": timedelta(hours=1)})
    old = await hub.produce([{"n": 1}], age=timedelta(hours=2))
    new = await hub.produce([{"n": 2}])
    async with running(hub):
        await hub.until_ended("out", [*old, *new])
        await committed_everything(hub)
    assert await states(hub, "out") == {old[0]: [OutcomeState.DISCARDED], new[0]: [OutcomeState.DELIVERED]}
    assert set(hub.effects("out")) == set(new)
    (discarded,) = [each for each in await hub.outcomes("out") if each.state is OutcomeState.DISCARDED]
    assert (discarded.attempt, discarded.error is not None) == (0, True)


async def test_what_is_urgent_overtakes_a_backlog_and_the_rest_still_arrives(
    make_hub: Callable[..., HubUnderTest],
) -> None:
    hub = make_hub({"out": ("ledger-each", 0.005)}, route={"priority": Template("{{ metadata.priority }}")})
    lanes = ("normal", "low", "no such lane")
    backlog = await hub.produce([{"n": n} for n in range(900)], 300, lambda n: {"priority": lanes[n % 3]})
    async with running(hub):
        await hub.until(lambda: len(hub.effects("out")) > 50, "the backlog is worked off")
        urgent = await hub.produce([{"n": n} for n in range(20)], 20, lambda _: {"priority": "high"})
        await hub.until_ended("out", urgent)
        ahead = len(hub.effects("out"))
        assert ahead < 900, "the backlog was gone before: this proves nothing"
        await hub.until_ended("out", backlog)
        await committed_everything(hub)
    assert Counter(outcome.lane for outcome in await hub.outcomes("out")) == {
        Lane.NORMAL: 600,
        Lane.LOW: 300,
        Lane.HIGH: 20,
    }


async def test_a_retry_that_is_back_before_the_outcome_of_the_last_attempt_is_written_is_made(
    make_hub: Callable[..., HubUnderTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka was slow: the record of the retry tier was acknowledged, the outcome that says so much later."""
    hub = make_hub({"out": ("ledger-each", 0.0)})
    append, seen, back = append_all, asyncio.Event(), asyncio.Event()
    admit = Admission.admit

    async def slowly(writer: LogWriter, topic: str, partition: int, records: Sequence[Record]) -> list[int]:
        if topic == hub.topics.outcomes("out") and not seen.is_set():
            seen.set()
            await back.wait()
        return await append(writer, topic, partition, records)

    async def watched(self: Admission, received: Sequence[Received]) -> list[Entry[Work]]:
        entries = await admit(self, received)
        if any(entry.work.attempt == 2 for entry in entries):
            asyncio.get_running_loop().call_later(0.1, back.set)
        return entries

    monkeypatch.setattr(settlement, "append_all", slowly)
    monkeypatch.setattr(Admission, "admit", watched)
    ids = await hub.produce([{"do": "fail-once"}])
    async with running(hub):
        await hub.until_ended("out", ids)
        await committed_everything(hub)
    assert await states(hub, "out") == {ids[0]: [OutcomeState.FAILED, OutcomeState.DELIVERED]}
    assert hub.effects("out") == Counter(ids)


async def test_retries_that_wait_when_their_tier_is_configured_away_are_made(
    make_hub: Callable[..., HubUnderTest],
) -> None:
    hub = make_hub({"out": ("ledger-each", 0.0)})
    ids = await hub.produce([{"do": "fail-once"}])
    before = replace(hub, delays=(timedelta(seconds=3), timedelta(hours=6)))
    before.make_topics()
    async with running(before):
        await wait_for_outcomes(before, 1)
    async with running(hub):
        await hub.until_ended("out", ids)
    assert await states(hub, "out") == {ids[0]: [OutcomeState.FAILED, OutcomeState.DELIVERED]}


async def test_a_retry_whose_destination_is_gone_is_a_dead_letter(make_hub: Callable[..., HubUnderTest]) -> None:
    hub = make_hub({"out": ("ledger-each", 0.0), "other": ("ledger-each", 0.0)})
    ids = await hub.produce([{"do": "fail"}])
    async with running(replace(hub, delays=(timedelta(seconds=2),))) as _:
        await wait_for_outcomes(hub, 1)
    async with running(replace(hub, destinations={"other": ("ledger-each", 0.0)})):
        await hub.until_ended("out", ids)
    outcome = (await hub.outcomes("out"))[-1]
    assert (outcome.state, outcome.error) == (OutcomeState.DEAD, "the destination 'out' is no longer in hub.yaml")
    assert b'{"do":"fail"}' in await hub.read(hub.topics.dead_letters)


async def test_a_paused_destination_holds_its_backlog_and_goes_on_where_it_was(
    make_hub: Callable[..., HubUnderTest],
) -> None:
    hub = make_hub({"out": ("ledger-each", 0.0), "other": ("ledger-each", 0.0)}, max_attempts=1)
    await hub.control("out", paused=True)
    ids = await hub.produce([{"n": n} for n in range(20)])
    async with running(hub):
        await hub.until_ended("other", ids)
    async with running(hub):  # it survives a restart
        await hub.until(lambda: held(hub) == ("paused by ada: tests", 20), "a report of what is held, and why")
        assert hub.effects("out") == Counter()
        await hub.control("out", paused=False)
        await hub.until_ended("out", ids)
    assert {outcome.attempt for outcome in await hub.outcomes("out")} == {1}


def held(hub: HubUnderTest) -> tuple[str | None, int] | None:
    report = hub.report("out")
    return None if report is None else (report.reason, report.lanes[1].pending)


async def test_a_destination_that_says_it_is_gone_is_paused_until_a_person_resumes_it(
    make_hub: Callable[..., HubUnderTest],
) -> None:
    hub = make_hub({"out": ("ledger-each", 0.0)}, max_attempts=1)
    gone = hub.effects_file("out").with_suffix(".gone")
    gone.touch()
    ids = await hub.produce([{"n": n} for n in range(5)])
    async with running(hub):
        await hub.until(lambda: hub.reported("out") is DestinationState.PAUSED, "a report that it is paused")
    gone.unlink()
    async with running(hub):
        await hub.until(lambda: hub.reported("out") is DestinationState.PAUSED, "it is paused after a restart, too")
        report = hub.report("out")
        assert report is not None
        assert report.reason == "paused by hub: DestinationGoneError: 410, it said"
        await hub.control("out", paused=False)
        await hub.until_ended("out", ids)
    assert set(hub.effects("out").values()) == {1}


async def test_what_happens_to_a_destination_becomes_the_hubs_own_news(make_hub: Callable[..., HubUnderTest]) -> None:
    hub = make_hub({"out": ("ledger-each", 0.0)})
    outage = hub.effects_file("out").with_suffix(".outage")
    outage.touch()
    ids = await hub.produce([{"do": "poison" if n == 3 else None} for n in range(20)])
    async with running(hub):
        await hub.until(lambda: hub.reported("out") is DestinationState.DOWN, "the breaker opens")
        outage.unlink()
        await hub.until_ended("out", ids)
    news = [event for event in await hub.events() if event.source == "hub"]
    assert {event.type for event in news} == {"destination.down", "destination.up", "delivery.dead"}
    assert {event.subject for event in news} == {"out"}


async def test_a_worker_says_how_its_destinations_stand_and_that_it_stopped(
    make_hub: Callable[..., HubUnderTest],
) -> None:
    hub = make_hub({"out": ("ledger-each", 0.0), "broken": ("ledger-each", 0.0)})
    hub.effects_file("broken").with_suffix(".outage").touch()
    ids = await hub.produce([{"n": n} for n in range(12)])
    with hub.workers() as start:
        worker = start()
        await hub.until_ended("out", ids)
        await hub.until(lambda: hub.reported("broken") is DestinationState.DOWN, "a report of what is down")
        report = hub.report("broken")
        assert report is not None
        normal = report.lanes[1]
        assert (report.revision, normal.delivered) == ("0" * 12, 0)
        assert normal.pending >= 12  # and the news that it is down
        assert normal.oldest is not None
        assert normal.oldest.why == "broken is down: RuntimeError: no connection, said the plugin's client library"
        await hub.until(lambda: delivered(hub) >= 12, "a report of what was delivered")
        assert stop(worker, deadline=40.0) == 0
    assert hub.report("broken") is None


def delivered(hub: HubUnderTest) -> int:
    report = hub.report("out")
    return 0 if report is None else sum(lane.delivered for lane in report.lanes)
