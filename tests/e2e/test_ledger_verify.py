"""``hub ledger verify`` on hubs that really ran: nothing is missing, and what a test takes away is found and named."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.cli import group
from hub.config.settings import Settings
from hub.ledger.judge import Loss
from hub.ledger.verify import Verification, Verifier
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.records import Record, decode_decision, decode_outcome, delivery_key
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from hub.processors.worker import run_worker
from tests.chaos.hub_under_test import HubUnderTest

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> HubUnderTest:
    hub = HubUnderTest(kafka, topics.hub, tmp_path, {"out": ("ledger-batch", 0.0), "two": ("ledger-each", 0.0)})
    hub.make_topics()
    return hub


@asynccontextmanager
async def running(hub: HubUnderTest, *only: str) -> AsyncIterator[None]:
    """The hub's worker, in this process."""
    stop = asyncio.Event()
    settings = Settings(home=hub.home)
    worker = asyncio.create_task(run_worker(hub.configuration(), hub.kafka, settings, only=only, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await worker


async def until_idle(hub: HubUnderTest, *groups: str) -> None:
    """Wait until these groups (all of them, if none is named) have committed everything."""
    admin = LogAdmin(hub.kafka, hub.configuration().layout)
    deliver = [hub.topics.deliver_group(name) for name in hub.destinations]
    groups = groups or (hub.topics.route_group, hub.topics.delay_group, *deliver)
    deadline = time.monotonic() + 40
    while True:
        states = [state for state in await asyncio.to_thread(admin.states) if state.spec.group in groups]
        if all(state.lag == 0 for state in states):
            return
        assert time.monotonic() < deadline, [(state.spec.name, state.lag) for state in states]
        await asyncio.sleep(0.1)


async def verify(hub: HubUnderTest, since: datetime | None = None) -> Verification:
    verifier = await asyncio.to_thread(Verifier, hub.kafka, hub.topics, since)
    seen: list[int] = []
    found = await verifier.verify(seen.append)
    assert sum(seen) == len(verifier), "what the progress bar counts"
    return found


def counted(found: Verification) -> dict[str, int]:
    """What is not zero."""
    return {name: value for name, value in asdict(found.counts).items() if value}


async def write_garbage(hub: HubUnderTest, *topics: str) -> None:
    writer = LogWriter(hub.kafka, max_pending_records=1000, max_pending_bytes=10**7, max_record_bytes=10**6)
    await writer.start()
    garbage = Record(b"key", b"what is this", [("who", b"a stranger")])
    for topic in topics:
        await writer.append_all(topic, 0, [garbage._replace(value=topic.encode())])
    await writer.stop()


async def test_a_hub_that_ran_has_nothing_missing(hub: HubUnderTest) -> None:
    ids = await hub.produce([{"do": {3: "poison", 5: "fail-once"}.get(n)} for n in range(200)])
    await write_garbage(hub, hub.topics.events, hub.topics.deliveries("out"))
    async with running(hub, "route", "delay", "deliver"):
        for name in hub.destinations:
            await hub.until_ended(name, ids)
        await until_idle(hub)
    await write_garbage(hub, hub.topics.decisions, hub.topics.outcomes("out"))
    found = await verify(hub)
    assert found.fine, found.missing
    news = found.counts.events - 201  # the hub's own, of what died
    assert counted(found) == {
        "events": 201 + news,
        "decided": 200 + news,
        "unreadable_events": 1,
        "deliveries": 401 + 2 * news,
        "delivered": 398 + 2 * news,
        "dead": 2,
        "unreadable_deliveries": 1,
    }


async def test_what_is_on_its_way_is_open(hub: HubUnderTest) -> None:
    await hub.produce([{"n": n} for n in range(20)])
    assert counted(await verify(hub)) == {"events": 20, "open_events": 20}
    async with running(hub, "route"):
        await until_idle(hub, hub.topics.route_group)
    await hub.produce([{"n": n} for n in range(5)])
    found = await verify(hub)
    assert found.fine
    assert counted(found) == {
        "events": 25,
        "decided": 20,
        "open_events": 5,
        "deliveries": 40,
        "open_deliveries": 40,
    }


async def test_only_what_was_received_since_is_judged(hub: HubUnderTest) -> None:
    await hub.produce([{"n": n} for n in range(20)])
    found = await verify(hub, datetime.now(UTC) + timedelta(hours=2))
    assert counted(found) == {}


class Thief:
    """Takes records out of what the hub writes, as if the writes had been acknowledged and lost."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, topics: Topics) -> None:
        self.decision = self.delivery = self.outcome = self.letter = ""
        self._topics = topics
        append_all = LogWriter.append_all

        async def stealing(writer: LogWriter, topic: str, partition: int, records: Sequence[Record]) -> list[int]:
            kept = [record for record in records if not self._wants(topic, record)]
            offsets = iter(await append_all(writer, topic, partition, kept) if kept else [])
            return [0 if self._wants(topic, record) else next(offsets) for record in records]

        monkeypatch.setattr(LogWriter, "append_all", stealing)

    def _wants(self, topic: str, record: Record) -> bool:
        if topic == self._topics.decisions:
            return decode_decision(record.value).id == self.decision
        if topic == self._topics.outcomes("out"):
            return f"/{self.outcome}~" in decode_outcome(record.value).delivery
        stolen = {self._topics.deliveries("out"): self.delivery, self._topics.dead_letters: self.letter}.get(topic)
        return stolen is not None and f"/{stolen}~" in delivery_key(record.headers).id


async def test_what_was_taken_out_of_the_log_is_found_and_named(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    thief = Thief(monkeypatch, hub.topics)
    ids = await hub.produce([{"do": "poison" if n == 13 else None} for n in range(40)])
    thief.decision, thief.delivery, thief.outcome, thief.letter = ids[10], ids[11], ids[12], ids[13]
    async with running(hub, "route", "delay", "deliver"):
        await hub.until_ended("two", ids)
        await hub.until_ended("out", [each for each in ids if each not in ids[11:13]])
        await until_idle(hub)
    found = await verify(hub)
    assert not found.fine
    assert (found.counts.missing_events, found.counts.missing_deliveries) == (1, 4), "the letter is missing for both"
    named = {(one.loss, one.id.split("~")[0], one.id.rpartition(":")[2]): one.last_seen for one in found.missing}
    assert f"accepted: {hub.topics.events} partition " in named[Loss.DECISION, f"test/{ids[10]}", f"test/{ids[10]}"]
    assert "decided by revision 000000000000" in named[Loss.END, f"test/{ids[11]}", "out"]
    assert "taken up, and committed" in named[Loss.END, f"test/{ids[12]}", "out"]
    assert "attempt 1 dead" in named[Loss.DEAD_LETTER, f"test/{ids[13]}", "out"]
    assert len(named) == 5

    (tmp_path / "hub.yaml").write_text(f"version: 1\nname: {hub.name}\n")
    monkeypatch.setenv("HUB_KAFKA", hub.kafka.bootstrap)
    command = ["ledger", "verify", "--config", str(tmp_path / "hub.yaml")]
    as_text = await asyncio.to_thread(CliRunner().invoke, group, command)
    as_json = await asyncio.to_thread(CliRunner().invoke, group, [*command, "--json"])
    assert (as_text.exit_code, as_json.exit_code) == (1, 1)
    assert f"delivery without an end: test/{ids[12]}" in as_text.stdout
    assert as_text.stdout.endswith("5 missing.\n")
    assert json.loads(as_json.stdout)["missing"] == 5
    await asyncio.to_thread(CliRunner().invoke, group, [*command, "--tell"])
    bodies = [json.loads(value) for value in await hub.read(hub.topics.events)]
    told = [body for body in bodies if body.get("type") == "ledger.missing"]
    assert sorted((body["destination"] or "", body["count"]) for body in told) == [
        ("", 1),
        ("out", 1),
        ("out", 2),
        ("two", 1),
    ]


async def test_nothing_looks_missing_while_workers_work_and_die(hub: HubUnderTest) -> None:
    """Retries move between topics meanwhile, and a killed worker leaves everything half done."""
    ids = await hub.produce([{"do": "fail-once" if n % 70 == 0 else None} for n in range(1000)])
    verified: list[Verification] = []

    async def ended() -> bool:
        found = await verify(hub)
        assert found.fine, found
        verified.append(found)
        return found.counts.open == 0 and found.counts.decided >= len(ids)

    with hub.workers() as start:
        worker = start()
        deadline = time.monotonic() + 60
        while not await ended():
            assert time.monotonic() < deadline, (verified[-1], hub.logs())
            if sum(hub.effects("out").values()) > len(ids) / 3 and worker.returncode is None:
                worker.kill()
                worker.wait()
                start()
    counts = verified[-1].counts
    assert (counts.delivered, counts.dead) == (counts.deliveries, 0)
    assert any(found.counts.open for found in verified), "it was never looked at while it worked"
