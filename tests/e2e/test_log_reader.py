"""Reading the log back, and the commands people read it with, on a real broker."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli import events as events_command
from hub.cli import topics as topics_command
from hub.config.model import DEFAULT_DELAYS, LogConfig
from hub.ledger.life import Life, life_of
from hub.log.admin import LogAdmin
from hub.log.admin_client import LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.reader import LogReader, StoredEvent
from hub.log.records import (
    NewerFormatError,
    Record,
    encode_decision,
    encode_event,
    encode_outcome,
    partition_for,
)
from hub.log.topics import Layout, Topics, topic_specs
from hub.log.writer import LogWriter
from schemas.decision import DecidedDelivery, Decision
from schemas.event import Event
from schemas.identity import LIVE, delivery_id
from schemas.outcome import Outcome, OutcomeState

PARTITIONS = 2
NOW = datetime.now(UTC)


def event(name: str, *, age: timedelta = timedelta(0), source: str = "github", body: bytes = b'{"n":1}') -> Event:
    digest = hashlib.sha256(body).hexdigest()
    received = NOW - age
    return Event(source, name, "push", received, digest, body, subject=f"subject of {name}", metadata={"team": "x"})


async def append(kafka: KafkaConnection, records: Sequence[tuple[str, int, Record]]) -> list[int]:
    writer = LogWriter(kafka, max_pending_records=1000, max_pending_bytes=10**7, max_record_bytes=10**6)
    await writer.start()
    try:
        return await asyncio.gather(*(writer.append(*record) for record in records))
    finally:
        await writer.stop()


def store(kafka: KafkaConnection, topics: Topics, *events: Event) -> dict[str, tuple[int, int]]:
    """Returns id → (partition, offset)."""
    places = [partition_for(one.partition_key, PARTITIONS) for one in events]
    records = [(topics.events, place, encode_event(one)) for place, one in zip(places, events, strict=True)]
    offsets = asyncio.run(append(kafka, records))
    return {one.id: found for one, found in zip(events, zip(places, offsets, strict=True), strict=True)}


@pytest.fixture
def reader(kafka: KafkaConnection, topics: Topics) -> LogReader:
    LogAdmin(kafka, Layout(topics, LogConfig(partitions=PARTITIONS), ("out",))).ensure()
    return LogReader(kafka, topics)


@pytest.fixture
def run(
    kafka: KafkaConnection, topics: Topics, reader: LogReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> "Run":
    return Run(kafka, topics, tmp_path / "hub.yaml", monkeypatch)


class Run:
    """Runs commands as ``hub`` would, with a configuration of its own."""

    def __init__(self, kafka: KafkaConnection, topics: Topics, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config.write_text(
            f"version: 1\nname: {topics.hub}\nlog: {{partitions: {PARTITIONS}}}\n"
            "sources: {github: {type: github, secrets: [abc]}}\n"
            "destinations: {out: {type: console}}\nroutes: [{id: all, to: out}]\n"
        )
        self._config = config
        monkeypatch.setenv("HUB_KAFKA", kafka.bootstrap)

    def __call__(self, *arguments: str, code: int = 0) -> Result:
        command = {"events": events_command, "topics": topics_command}[arguments[0]].command
        result = CliRunner().invoke(command, [*arguments[1:], "--config", str(self._config)], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result


def decide(kafka: KafkaConnection, topics: Topics, one: Event, place: tuple[int, int], *states: OutcomeState) -> None:
    partition, offset = place
    delivery = delivery_id(one.source, one.id, one.digest, "all", "out")
    decision = Decision(one.source, one.id, one.digest, offset, "abc", NOW, (DecidedDelivery("all", "out", delivery),))
    outcomes = [
        Outcome(
            delivery, LIVE, "all", "out", state, attempt, 0, NOW, NOW, NOW, None if state.terminal else "Bad: \x1b[2J"
        )
        for attempt, state in enumerate(states, 1)
    ]
    records = [(topics.decisions, partition, encode_decision(decision, b"k"))]
    records += [(topics.outcomes("out"), partition, encode_outcome(outcome)) for outcome in outcomes]
    asyncio.run(append(kafka, records))


def test_a_time_range_is_what_was_received_in_it(kafka: KafkaConnection, topics: Topics, reader: LogReader) -> None:
    ages = {"old": 48, "yesterday": 25, "morning": 5, "new": 0}
    store(kafka, topics, *(event(name, age=timedelta(hours=age)) for name, age in ages.items()))

    def between(since: int | None, until: int | None) -> set[str]:
        bounds = [None if hours is None else NOW - timedelta(hours=hours) for hours in (since, until)]
        return {stored.event.id for stored in reader.events(*bounds)}

    assert between(None, None) == set(ages)
    assert between(30, None) == {"yesterday", "morning", "new"}
    assert between(30, 4) == {"yesterday", "morning"}
    assert between(None, 30) == {"old"}
    assert between(3, 1) == set()


def test_an_event_is_found_wherever_it_is(kafka: KafkaConnection, topics: Topics, reader: LogReader) -> None:
    stored = [event("new"), event("old", age=timedelta(days=9)), event("new", source="other", body=b"2")]
    stored.sort(key=lambda one: one.received)  # as a log is written
    store(kafka, topics, *stored)

    assert [one.event for one in reader.find("old")] == [stored[0]]
    assert {one.event.source for one in reader.find("new")} == {"github", "other"}
    assert [one.event for one in reader.find("new", "other")] == [stored[2]]
    assert reader.find("none") == []


def test_what_became_of_an_event_can_be_read(kafka: KafkaConnection, topics: Topics, reader: LogReader) -> None:
    one, silent = event("one"), event("silent")
    places = store(kafka, topics, one, silent)
    decide(kafka, topics, one, places["one"], OutcomeState.FAILED, OutcomeState.DELIVERED)

    [stored], [undecided] = reader.find("one"), reader.find("silent")
    life = asyncio.run(life_of(stored, kafka, topics))

    assert life.decision is not None
    assert life.decision.offset == stored.offset
    assert [outcome.state for outcome in life.outcomes] == ["failed", "delivered"]
    assert asyncio.run(life_of(undecided, kafka, topics)) == Life((), (), (), ())


def test_a_destination_that_is_gone_does_not_hide_the_rest(
    kafka: KafkaConnection, topics: Topics, reader: LogReader
) -> None:
    one = event("one")
    place = store(kafka, topics, one)["one"]
    both = tuple(
        DecidedDelivery("all", name, delivery_id(one.source, one.id, one.digest, "all", name))
        for name in ("gone", "out")
    )
    earlier = Decision(one.source, one.id, one.digest, place[1], "abc", NOW, both)
    asyncio.run(append(kafka, [(topics.decisions, place[0], encode_decision(earlier, b"k"))]))
    decide(kafka, topics, one, place, OutcomeState.DELIVERED)
    [stored] = reader.find("one")

    life = asyncio.run(life_of(stored, kafka, topics))

    assert [outcome.destination for outcome in life.outcomes] == ["out"]
    assert [one.destination for one in life.deliveries] == ["out", "gone"]


def test_following_begins_now(kafka: KafkaConnection, topics: Topics, reader: LogReader) -> None:
    store(kafka, topics, event("before"))
    with closing(reader.follow()) as following:
        store(kafka, topics, event("after"))

        assert next(following).event.id == "after"


def test_a_foreign_record_is_skipped_and_a_newer_one_is_not(
    kafka: KafkaConnection, topics: Topics, reader: LogReader, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = Record(b"k", b"{}", [("ce_hubformat", b"1")])
    asyncio.run(append(kafka, [(topics.events, 0, foreign)]))
    store(kafka, topics, event("ours"))

    assert [stored.event.id for stored in reader.events()] == ["ours"]
    assert "not a hub's record: it has no header 'ce_source'" in caplog.text

    asyncio.run(append(kafka, [(topics.events, 0, Record(b"k", b"{}", [("ce_hubformat", b"2")]))]))
    with pytest.raises(NewerFormatError, match="upgrade every worker"):
        list(reader.events())


def test_a_topic_that_does_not_exist_is_named(kafka: KafkaConnection) -> None:
    with pytest.raises(LogAdminError, match=r"no topic nobody\.events"):
        list(LogReader(kafka, Topics("nobody")).events())


def test_hub_events_list_shows_the_newest(kafka: KafkaConnection, topics: Topics, run: Run) -> None:
    store(kafka, topics, event("e-old", age=timedelta(hours=30)), event("e-1", age=timedelta(hours=1)), event("e-2"))

    def listed(*options: str) -> list[str]:
        return [one["id"] for one in json.loads(run("events", "list", "--json", *options).stdout)]

    assert listed() == ["e-1", "e-2"]
    assert listed("--limit", "1") == ["e-2"]
    assert listed("--since", "48h", "--until", "2h") == ["e-old"]
    assert listed("--source", "none") == []
    table = run("events", "list").stdout
    assert table.index("e-1") < table.index("e-2")
    assert "90m" in run("events", "list", "--since", "soon", code=2).stderr


def test_hub_events_show_tells_the_whole_story(kafka: KafkaConnection, topics: Topics, run: Run) -> None:
    one = event("e-1", body=b'{"text":"hello"}')
    decide(kafka, topics, one, store(kafka, topics, one)["e-1"], OutcomeState.FAILED, OutcomeState.DELIVERED)

    text = run("events", "show", "e-1").stdout
    found = json.loads(run("events", "show", "github/e-1", "--json").stdout)

    for expected in ("subject of e-1", '"text": "hello"', "delivered, attempt 2", "all → out", '{"team":"x"}'):
        assert expected in text
    assert found["body"] == '{"text":"hello"}'
    assert found["decision"]["revision"] == "abc"
    assert [outcome["state"] for outcome in found["outcomes"]] == ["failed", "delivered"]
    assert "no event 'e-2'" in run("events", "show", "e-2", code=1).stderr


def test_nothing_a_sender_writes_reaches_the_terminal_raw(kafka: KafkaConnection, topics: Topics, run: Run) -> None:
    hostile = "a\x1b]0;owned\x07\x9b31m\u202e[red]b"
    one = event(hostile, body=f"not json {hostile}\r\n".encode())
    decide(kafka, topics, one, store(kafka, topics, one)[hostile], OutcomeState.FAILED)

    shown = run("events", "list").stdout + run("events", "show", hostile).stdout

    assert "\\x1b]0;owned\\x07" in shown
    assert "[red]" in shown
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(shown)


def test_hub_events_tail_prints_what_arrives(
    kafka: KafkaConnection, topics: Topics, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends it: here it comes right after the first event."""
    following = LogReader.follow

    def follow_one(reader: LogReader) -> Generator[StoredEvent, None, None]:
        stored = following(reader)
        writing = threading.Thread(target=store, args=(kafka, topics, event("e-1")))
        writing.start()
        with closing(stored):
            yield next(stored)
        writing.join()
        raise KeyboardInterrupt

    monkeypatch.setattr(LogReader, "follow", follow_one)

    assert json.loads(run("events", "tail", "--json").stdout)["id"] == "e-1"


def test_hub_topics_shows_where_everything_stands(kafka: KafkaConnection, topics: Topics, run: Run) -> None:
    store(kafka, topics, event("e-1"), event("e-2"))

    text = run("topics").stdout
    found = json.loads(run("topics", "--json").stdout)

    assert text.startswith(f"Kafka at {kafka.bootstrap}\n")
    assert found["kafka"] == kafka.bootstrap
    events = found["topics"][0]
    assert events == {
        "name": topics.events,
        "meaning": "what was received: the truth, and the only one to build on",
        "exists": True,
        "partitions": PARTITIONS,
        "replication": 1,
        "first": 0,
        "end": 2,
        "records": 2,
        "group": topics.route_group,
        "lag": 2,
    }


def test_hub_topics_prints_what_an_administrator_must_run(topics: Topics, run: Run) -> None:
    lines = run("topics", "--commands", "--principal", "User:alice").stdout.splitlines()

    made = [line.split(" --topic ")[1].split()[0] for line in lines[:-4]]
    assert made == [spec.name for spec in topic_specs(Layout(topics, LogConfig(), ("out",), DEFAULT_DELAYS))]
    assert f"--create --if-not-exists --topic {topics.events} --partitions 2 --replication-factor 1" in lines[0]
    assert all("--allow-principal User:alice" in line for line in lines[-4:])
    assert lines[-3].endswith(f"--group {topics.hub}.")


def test_hub_topics_gives_up_in_time_when_kafka_is_away(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_KAFKA", "127.0.0.1:9")

    assert "127.0.0.1:9 does not answer" in run("topics", "--timeout", "1", code=1).stderr
