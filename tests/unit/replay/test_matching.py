"""Which events a replay is about, and what it writes for each."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.config.load import load
from hub.config.model import Configuration
from hub.log.records import Headers, decode_delivery, encode_event
from hub.replay.matching import Matcher, advanced, plan, steps
from hub.replay.progress import Replay
from hub.rules import parse
from schemas.event import Event
from schemas.identity import delivery_id
from schemas.lane import Lane

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)

CONFIGURATION = """\
version: 1
sources: {gemini: {type: gemini, secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}}
destinations: {db: {type: database, url: "sqlite:///x.db"}, out: {type: console}}
routes:
  - {id: failed, when: {type: [{suffix: .failed}]}, to: [db, out]}
  - {id: all, to: out}
"""


@dataclass(frozen=True)
class Stored:
    """A record as kafka-python has it, as far as it is looked at."""

    partition: int
    offset: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers


def stored(offset: int, event_type: str, body: bytes = b"{}", *, age: float = 0, partition: int = 0) -> Stored:
    received = NOW - timedelta(seconds=age)
    event = Event("gemini", f"e{offset}", event_type, received, hashlib.sha256(body).hexdigest(), body, subject="s")
    record = encode_event(event)
    return Stored(partition, offset, record.timestamp_ms, record.key, record.value, record.headers)


FOREIGN = Stored(0, 3, int(NOW.timestamp() * 1000), b"k", b"{}", [("ce_hubformat", b"1")])
RECORDS = [
    stored(0, "batch.failed", age=3600),
    stored(1, "batch.failed"),
    stored(2, "batch.succeeded"),
    FOREIGN,
    stored(4, "video.failed", b'{"data": {"n": 7}}'),
    stored(9, "batch.failed", partition=1),
]


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    (tmp_path / "hub.yaml").write_text(CONFIGURATION)
    return load(tmp_path / "hub.yaml", {})


def replay(route: str, *destinations: str) -> Replay:
    spans = {0: range(7), 1: range(8, 12)}
    return Replay(
        id="0123456789ab",
        hub="hub",
        route=route,
        destinations=destinations,
        where=None,
        since=NOW - timedelta(minutes=1),
        until=NOW + timedelta(minutes=1),
        revision="abc",
        began=NOW,
        spans=spans,
        left=spans,
    )


def matched(configuration: Configuration, one: Replay, where: object = None) -> list[str]:
    """Ids of the events that match."""
    route = next(route for route in configuration.routes if route.id == one.route)
    matcher = Matcher(configuration, route, None if where is None else parse(where), one)
    found: list[str] = []
    plan(RECORDS, matcher, found.append)
    return [delivery.split("~")[0].removeprefix("gemini/") for delivery in found]


@pytest.mark.parametrize(
    ("route", "where", "events"),
    [
        ("failed", None, ["e1", "e4", "e9"]),  # e0 is too old
        ("failed", {"type": [{"prefix": "batch."}]}, ["e1", "e9"]),
        ("failed", {"data": {"n": [7]}}, ["e4"]),  # data is what the source calls so
        ("failed", {"type": ["batch.succeeded"]}, []),
        ("all", None, ["e1", "e2", "e4", "e9"]),
    ],
)
def test_an_event_matches_the_route_the_time_and_the_pattern(
    configuration: Configuration, route: str, where: object, events: Sequence[str]
) -> None:
    assert matched(configuration, replay(route, "out"), where) == events


def test_until_is_not_part_of_the_time(configuration: Configuration) -> None:
    assert matched(configuration, replace(replay("all", "out"), until=NOW)) == []
    assert matched(configuration, replace(replay("all", "out"), since=NOW)) != []


def test_a_plan_counts_by_destination(configuration: Configuration) -> None:
    one = replay("failed", "db", "out")
    found = plan(RECORDS, Matcher(configuration, configuration.routes[0], None, one), lambda _: None)
    assert (found.scanned, found.matching, found.unreadable) == (6, 3, 1)
    assert found.deliveries == {"db": 3, "out": 3}


def test_a_replayed_delivery_is_the_first_one_in_another_run_and_lane(configuration: Configuration) -> None:
    one = replay("failed", "db", "out")
    matcher = Matcher(configuration, configuration.routes[0], None, one)
    [step] = steps(RECORDS, matcher, one, configuration, at_once=100)

    first = step.appends[0]
    delivery = decode_delivery(first.record.headers, first.record.value)
    digest = hashlib.sha256(b"{}").hexdigest()
    assert (first.topic, first.partition) == ("hub.deliveries.db.replay", 0)
    assert delivery.key == (delivery_id("gemini", "e1", digest, "failed", "db"), "p0123456789ab")
    assert (delivery.lane, delivery.attempt, delivery.revision) == (Lane.REPLAY, 0, configuration.revision)
    assert first.record.value == RECORDS[1].value
    assert first.record.key == RECORDS[1].key
    assert list(first.record.headers)[: len(RECORDS[1].headers)] == list(RECORDS[1].headers)
    assert [(append.topic, append.partition) for append in step.appends[-2:]] == [
        ("hub.deliveries.db.replay", 1),
        ("hub.deliveries.out.replay", 1),
    ]


def test_wherever_it_is_stopped_what_is_left_is_what_is_not_written(configuration: Configuration) -> None:
    one = replay("failed", "db", "out")
    matcher = Matcher(configuration, configuration.routes[0], None, one)
    everything = [append for step in steps(RECORDS, matcher, one, configuration, at_once=2) for append in step.appends]
    marks = [step.mark for step in steps(RECORDS, matcher, one, configuration, at_once=2)]
    assert len(marks) == 4  # three events that match, and the end
    assert sum(mark.scanned for mark in marks) == len(RECORDS)

    for stop in range(len(marks) + 1):
        written, now = 0, one
        for mark in marks[:stop]:
            now = advanced(now, mark)
            written += mark.written
        rest = [record for record in RECORDS if record.offset in now.left[record.partition]]
        again = [append for step in steps(rest, matcher, now, configuration, at_once=2) for append in step.appends]
        assert again == everything[written:]
        assert now.finished is (stop == len(marks))


def test_progress_is_noted_also_where_nothing_matches(configuration: Configuration) -> None:
    one = replace(replay("failed", "db"), left={0: range(6000), 1: range(0)})
    records = [replace(RECORDS[2], offset=n) for n in range(5000)]
    marks = [
        step.mark
        for step in steps(
            records, Matcher(configuration, configuration.routes[0], None, one), one, configuration, at_once=100
        )
    ]
    assert [mark.next for mark in marks] == [{0: 2000}, {0: 4000}, {0: 6000, 1: 0}]
    assert [mark.written for mark in marks] == [0, 0, 0]
