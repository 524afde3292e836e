"""``hub status`` and ``hub events show`` on a log that was written by hand: what they say, and when nobody is there."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub.cli import group
from hub.config.load import load
from hub.config.model import DEFAULT_DELAYS, LogConfig
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.records import (
    Record,
    encode_control,
    encode_decision,
    encode_delivery,
    encode_event,
    encode_outcome,
    encode_report,
    report_key,
)
from hub.log.topics import Layout, Topics
from hub.log.writer import LogWriter
from schemas.control import Control
from schemas.decision import DecidedDelivery, Decision
from schemas.delivery import DeliveryRecord
from schemas.event import Event
from schemas.identity import LIVE, Run
from schemas.lane import Lane
from schemas.outcome import OutcomeState
from schemas.report import DestinationReport, DestinationState, LaneReport, Waiting
from tests.fixtures.ledger import DIGEST, identity, outcome

DELIVERED, DEAD, DISCARDED, FAILED = OutcomeState
NOW = datetime.now(UTC)
RECEIVED = NOW - timedelta(seconds=90)
DELAY = timedelta(minutes=5)

Written = Sequence[tuple[str, int, Record]]


class Hub:
    """Commands as ``hub`` would run them, and records written by hand."""

    def __init__(self, kafka: KafkaConnection, topics: Topics, folder: Path) -> None:
        self.kafka, self.topics, self.config = kafka, topics, folder / "hub.yaml"
        self.config.write_text(
            f"version: 1\nname: {topics.hub}\nlog: {{partitions: 1}}\n"
            "destinations: {out: {type: console}, two: {type: console}}\nroutes: [{id: all, to: [out, two]}]\n"
        )
        self.revision = load(self.config, {}).revision
        LogAdmin(kafka, Layout(topics, LogConfig(partitions=1), ("out", "two"), DEFAULT_DELAYS)).ensure()

    def __call__(self, *words: str, code: int) -> Result:
        result = CliRunner().invoke(group, [*words, "--config", str(self.config)], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    def write(self, *records: tuple[str, Record]) -> None:
        async def append() -> None:
            writer = LogWriter(self.kafka, max_pending_records=1000, max_pending_bytes=10**7, max_record_bytes=10**6)
            await writer.start()
            for topic, record in records:
                await writer.append(topic, 0, record)
            await writer.stop()

        asyncio.run(append())

    def report(self, name: str, state: DestinationState = DestinationState.UP, **changed: Any) -> tuple[str, Record]:
        waiting = Waiting(identity("e-1", name), LIVE, "s", RECEIVED, 1, "in flight")
        report = DestinationReport(
            destination=name,
            worker="host:1",
            at=datetime.now(UTC),
            since=NOW,
            revision=self.revision,
            state=state,
            reason="Down: refused" if state is DestinationState.DOWN else None,
            until=NOW + DELAY if state is DestinationState.DOWN else None,
            partitions=(0,),
            lanes=(LaneReport(Lane.NORMAL, 1, 1, 0, waiting),),
        )
        return self.topics.reports, encode_report(replace(report, **changed))


@pytest.fixture
def hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setenv("HUB_KAFKA", kafka.bootstrap)
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "home"))
    return Hub(kafka, topics, tmp_path)


def event(name: str = "e-1", body: bytes = b"{}") -> Event:
    return Event("shop", name, "sold", RECEIVED, DIGEST, body, subject="s")


def delivery(name: str = "e-1", destination: str = "out", **changed: Any) -> DeliveryRecord:
    record = DeliveryRecord(event(name), identity(name, destination), "all", destination, "abc")
    return replace(record, **changed)


def decided(*destinations: str, offset: int = 0, revision: str = "abc") -> Record:
    deliveries = tuple(DecidedDelivery("all", name, identity("e-1", name)) for name in destinations)
    return encode_decision(Decision("shop", "e-1", DIGEST, offset, revision, NOW, deliveries), b"s")


def test_all_is_well_when_the_workers_say_so(hub: Hub) -> None:
    hub.write(hub.report("out"), hub.report("two"))
    text = hub("status", code=0).stdout
    assert text.startswith("All is well: 2 destinations are up, nothing waits for a person.\n")
    assert "in flight (shop/e-1~" in text
    assert "no rows yet" in text
    only = json.loads(hub("status", "two", "--json", code=0).stdout)
    assert [one["name"] for one in only["standing"]["destinations"]] == ["two"]


def test_what_waits_is_counted_and_explained_while_workers_are_down(hub: Hub) -> None:
    topics = hub.topics
    hub.write(
        (topics.events, encode_event(event())),
        (topics.deliveries("out"), encode_delivery(delivery())),
        (topics.deliveries("out"), encode_delivery(delivery("e-2"))),
        (topics.deliveries("out", Lane.HIGH), encode_delivery(delivery("e-3", lane=Lane.HIGH))),
        (topics.deliveries("two"), Record(b"k", b"garbage", [])),
        (topics.retries(DELAY), encode_delivery(delivery("e-4", attempt=2, error="Bad"))),
        (topics.retries(DELAY), Record(b"k", b"garbage", [])),
        (topics.decisions, decided("out")),
        (topics.outcomes("out"), encode_outcome(outcome("e-9", DEAD))),
    )
    hub("ledger", "rebuild", code=0)
    text = hub("status", code=1).stdout
    summary = text.splitlines()[0]
    assert "no worker runs, and 5 records wait" in summary
    assert "1 dead letter waits for a person" in summary
    assert "1 event waits for route" in text
    found = json.loads(hub("status", "--json", code=1).stdout)
    out, two = found["standing"]["destinations"]
    assert {lane["lane"]: lane["backlog"] for lane in out["lanes"]} == {"high": 1, "normal": 2, "low": 0, "replay": 0}
    assert out["lanes"][1]["oldest"]["delivery"] == identity("e-1")
    assert out["lanes"][1]["oldest"]["why"] == "no worker delivers"
    assert (out["retries"]["waiting"], two["retries"]["waiting"]) == (1, 0)
    assert datetime.fromisoformat(out["retries"]["next_due"]) > NOW + DELAY - timedelta(seconds=5)
    assert (out["dead"], two["dead"], found["standing"]["behind"]) == (1, 0, 0)


def test_each_secret_of_a_source_has_its_last_use_by_its_thumbprint(hub: Hub) -> None:
    entries = "code: {type: github, secrets: [one, two]}, shop: {type: standard_webhooks, secrets: [YWJj]}"
    hub.config.write_text(f"{hub.config.read_text()}sources: {{{entries}}}\n")
    one, two, shop = (sha256(secret).hexdigest()[:16] for secret in (b"one", b"two", b"abc"))

    def secrets() -> dict[str, tuple[datetime | None, datetime | None]]:
        """Thumbprint → its last use, or since when it was not used as far as somebody looked."""
        found = json.loads(hub("status", "--json", code=1).stdout)["standing"]["secrets"]
        return {each["key"]: (moment(each["used"]), moment(each["unused_since"])) for each in found}

    def moment(text: str | None) -> datetime | None:
        return None if text is None else datetime.fromisoformat(text)

    def stored(source: str, key: str, received: datetime) -> tuple[str, Record]:
        changed = replace(event(), source=source, received=received, verified={"scheme": "hmac", "key": key})
        return hub.topics.events, encode_event(changed)

    assert secrets() == {one: (None, None), two: (None, None), shop: (None, None)}
    assert "never" in hub("status", code=1).stdout
    garbage = (hub.topics.events, Record(b"k", b"garbage", []))
    hub.write(stored("code", two, RECEIVED - DELAY), stored("code", two, RECEIVED), garbage, stored("shop", one, NOW))
    assert secrets() == {one: (None, None), two: (RECEIVED, None), shop: (None, None)}
    hub.write(*[stored("shop", shop, NOW)] * 1000)
    horizon = NOW.replace(microsecond=NOW.microsecond // 1000 * 1000)  # Kafka's timestamps
    assert secrets() == {one: (None, horizon), two: (None, horizon), shop: (NOW, None)}
    assert "not since" in hub("status", code=1).stdout


def test_a_destination_that_is_down_or_paused_says_why(hub: Hub) -> None:
    paused = Control("two", paused=True, by="ann", reason="migration", at=NOW)
    hub.write(
        (hub.topics.controls, encode_control(replace(paused, destination="out"))),
        (hub.topics.controls, encode_control(replace(paused, destination="out", paused=False))),
        (hub.topics.controls, encode_control(paused)),
        hub.report("out", DestinationState.DOWN),
        hub.report("two"),
    )
    text = hub("status", code=1).stdout
    assert text.startswith("Not all is well: out is down (Down: refused); two is paused (by ann: migration).\n")
    assert "down until" in text


def test_a_worker_that_stopped_or_fell_silent_is_gone(hub: Hub) -> None:
    hub.write(
        hub.report("out"),
        (hub.topics.reports, Record(report_key("out", "host:1"), None, [])),
        hub.report("two", at=NOW - timedelta(minutes=1)),
        (hub.topics.reports, Record(b"garbage", b"garbage", [])),
    )
    assert hub("status", code=1).stdout.startswith("Not all is well: no worker runs.")


def test_without_kafka_it_says_so(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_KAFKA", "127.0.0.1:9")
    assert "127.0.0.1:9 does not answer" in hub("status", "--timeout", "1", code=1).stderr


def test_without_its_database_it_shows_the_rest(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "home" / "status.db").mkdir(parents=True)
    hub.write(hub.report("out"), hub.report("two"))
    text = hub("status", code=1).stdout
    assert "the status database is away (OperationalError" in text
    assert "in flight (shop/e-1~" in text


def test_a_destination_that_does_not_exist_is_a_usage_error(hub: Hub) -> None:
    assert "did you mean `two`" in hub("status", "tow", code=2).stderr


def test_a_whole_life_is_shown(hub: Hub) -> None:
    topics = hub.topics
    letter = delivery(attempt=2, error="given up after 2 attempts: Bad: no")
    hub.write(
        (topics.events, encode_event(event())),
        (topics.decisions, decided("out", revision="older")),
        (topics.decisions, decided("out", "two")),
        (topics.outcomes("out"), encode_outcome(outcome("e-1", FAILED, error="Bad: no", lane=Lane.HIGH))),
        (topics.dead_letters, encode_delivery(letter)),
        (topics.outcomes("out"), encode_outcome(outcome("e-1", DEAD, attempt=2, seconds=1, error="Bad: no"))),
        (topics.outcomes("out"), encode_outcome(outcome("e-1", FAILED, run="r1", seconds=9, error="Bad: again"))),
        (topics.retries(DELAY), encode_delivery(delivery(run=Run("r1"), attempt=1, error="Bad: again"))),
        (topics.deliveries("two", Lane.LOW), encode_delivery(delivery(destination="two", lane=Lane.LOW))),
        (topics.deliveries("two"), encode_delivery(delivery("e-2", destination="two"))),
    )
    text = hub("events", "show", "e-1", code=0).stdout
    for expected in (
        "by revision older: 1 deliveries",
        "by revision abc: 2 deliveries",
        "failed, attempt 1, high lane, 0.500 s  Bad: no",
        "dead, attempt 2, 0.500 s  Bad: no",
        "dead letter, offset 0  given up after 2 attempts: Bad: no",
        "failed redrive r1, attempt 1, 0.500 s  Bad: again",
        f"waits in {topics.retries(DELAY)} until ",
        " after 1 attempt redrive r1, offset 0",
        f"waits in {topics.deliveries('two', Lane.LOW)}, offset 0",
    ):
        assert expected in text
    assert topics.deliveries("two") + "," not in text, "that one is of another event"
    found = json.loads(hub("events", "show", "e-1", "--json", code=0).stdout)
    assert [each["revision"] for each in found["decisions"]] == ["older", "abc"]
    assert found["decision"]["revision"] == "abc"
    assert [each["run"] for each in found["outcomes"]] == ["", "", "r1"]
    assert len(found["waiting"]) == 2


def test_what_somebody_discarded_is_no_attempt(hub: Hub) -> None:
    by_ann = outcome("e-1", DISCARDED, run="r1", attempt=0, seconds=5, error="Discarded: by ann")
    hub.write(
        (hub.topics.events, encode_event(event())),
        (hub.topics.decisions, decided("out")),
        (hub.topics.outcomes("out"), encode_outcome(by_ann)),
    )
    assert "discarded redrive r1  Discarded: by ann" in hub("events", "show", "e-1", code=0).stdout
