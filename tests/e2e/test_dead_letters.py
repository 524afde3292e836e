"""``hub dead`` on a real broker: what is listed, what is written, and that it can be interrupted."""

import hashlib
import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.log.connection import KafkaConnection
from hub.log.records import Record, encode_delivery, event_headers, unreadable_dead_letter
from hub.log.scanner import LogScanner
from hub.log.topics import Topics
from hub.replay.dead_letters import DeadLetters
from hub.replay.letters import Choice
from schemas.identity import LIVE, Run
from schemas.lane import Lane
from schemas.outcome import OutcomeState
from tests.fixtures.project import Project, make_delivery, make_event, make_outcome, partition_of

pytestmark = pytest.mark.timeout(180)

DESTINATIONS = '{db: {type: database, url: "sqlite:///events.db"}, out: {type: console}}'
OURS = "when: {source: [github]}"  # and not the hub's own news
ROUTES = f"[{{id: all, {OURS}, to: [db, out]}}, {{id: some, {OURS}, to: db}}]"


@pytest.fixture
def hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> Project:
    return Project(tmp_path, kafka, topics, DESTINATIONS, ROUTES)


def until(condition: Callable[[], object], what: str, seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds:.0f} s"
        time.sleep(0.05)


def listed(hub: Project, *options: str) -> dict[str, str]:
    """Event id → state."""
    found = json.loads(hub("dead", "list", "--json", *options).stdout)
    return {letter["event"].removeprefix("github/"): letter["state"] for letter in found["letters"]}


def test_a_letter_waits_until_somebody_decides(hub: Project) -> None:
    letters = {name: make_delivery(make_event(name), "db") for name in ("dead", "saved", "gone", "again", "cut-off")}
    places = {name: partition_of(letter.event) for name, letter in letters.items()}
    hub.bury(*(letters[name] for name in ("dead", "saved", "gone", "again")))
    hub.append([(hub.topics.dead_letters, places["cut-off"], encode_delivery(letters["cut-off"]))])
    later = {"saved": OutcomeState.DELIVERED, "gone": OutcomeState.DISCARDED, "again": OutcomeState.DEAD}
    for name, state in later.items():
        hub.end(make_outcome(letters[name], state, Run("r1")), places=[places[name]])

    assert listed(hub) == {"dead": "waiting"}
    assert listed(hub, "--all") == {
        "dead": "waiting",
        "saved": "delivered",
        "gone": "discarded",
        "again": "died again",
        "cut-off": "unconfirmed",
    }
    shown = hub("dead", "list")
    assert "1 delivered since" in shown.stderr
    assert "Bad: no" in shown.stdout


def test_a_redrive_on_its_way_does_not_wait(hub: Project) -> None:
    failing, fresh = (make_delivery(make_event(name), "db") for name in ("failing", "fresh"))
    hub.bury(failing, fresh)
    hub.end(make_outcome(failing, OutcomeState.FAILED, Run("r1")), places=[partition_of(failing.event)])
    assert listed(hub) == {"fresh": "waiting"}

    hub("dead", "redrive", "--yes")

    assert listed(hub, "--all") == {"failing": "redriven", "fresh": "redriven"}
    assert [one.event.id for one in hub.lane("db")] == ["fresh"]


def test_letters_are_chosen_and_counted(hub: Project) -> None:
    hub.bury(
        make_delivery(make_event("a"), "db", error="DatabaseError: row 17 is too long"),
        make_delivery(make_event("b"), "db", error="DatabaseError: row 4 is too long", route="some"),
        make_delivery(make_event("c"), "out", error="Broken: pipe"),
    )

    assert set(listed(hub, "--destination", "db", "--error", "TOO LONG", "--route", "some")) == {"b"}
    assert set(listed(hub, "--since", "1h", "--error", "broken*")) == {"c"}
    assert set(listed(hub, "--until", "1h")) == set()
    assert len(listed(hub, "--limit", "1")) == 1
    counts = json.loads(hub("dead", "list", "--json").stdout)["counts"]
    assert {(one["destination"], one["route"], one["error"], one["effect"], one["letters"]) for one in counts} == {
        ("db", "all", "DatabaseError: row # is too long", "idempotent", 1),
        ("db", "some", "DatabaseError: row # is too long", "idempotent", 1),
        ("out", "all", "Broken: pipe", "append", 1),
    }


def test_without_yes_nothing_is_written(hub: Project) -> None:
    hub.bury(make_delivery(make_event("a"), "db"))
    before = len(hub.outcomes("db"))

    redrive = hub("dead", "redrive").stdout
    discard = hub("dead", "discard", "--reason", "old").stdout

    assert "1 dead letters would be redriven" in redrive
    assert "1 dead letters would be discarded" in discard
    assert hub.lane("db") == []
    assert len(hub.outcomes("db")) == before
    hub("dead", "discard", "--yes", code=2)  # without a reason


def test_redriven_bytes_and_event_headers_are_identical(hub: Project) -> None:
    body = bytes(range(256)) * 50
    letter = replace(make_delivery(make_event("a", body), "db"), lane=Lane.HIGH)
    hub.bury(letter)
    [dead] = hub.records(hub.topics.dead_letters)

    hub("dead", "redrive", "--yes")

    [record] = hub.records(hub.topics.deliveries("db", Lane.HIGH))
    [delivery] = hub.lane("db", Lane.HIGH)
    assert hashlib.sha256(record.value).hexdigest() == hashlib.sha256(body).hexdigest() == delivery.event.digest
    assert (record.key, record.partition) == (dead.key, dead.partition)
    assert event_headers(record.headers) == event_headers(dead.headers)
    assert delivery == replace(
        letter, run=Run("r1"), attempt=0, first_attempt=None, error=None, revision=hub.configuration.revision
    )


def test_what_died_is_delivered_once_the_reason_is_gone(hub: Project) -> None:
    """Nothing is made up here: the worker gives deliveries up, two people redrive them at once, it delivers them."""
    good, bad = make_event("good"), [make_event(f"bad{n}") for n in range(3)]
    with hub.worker():
        hub.receive(good)
        until(lambda: len(hub.ended("db")) == 2, "the table is there")
        change(
            hub,
            "CREATE TRIGGER no BEFORE INSERT ON events WHEN NEW.id GLOB 'bad*' BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        hub.receive(*bad)
        until(lambda: Counter(hub.ended("db").values())[OutcomeState.DEAD] == 6, "they die, by either route")
        assert rows(hub) == ["good"]
        assert json.loads(hub("dead", "list", "--json").stdout)["total"] == 6
        change(hub, "DROP TRIGGER no")

        hub("dead", "redrive", "--route", "all", "--yes")
        mine = [record for record in hub.records(hub.topics.deliveries("db")) if ("ce_hubrun", b"r1") in record.headers]
        theirs = [Record(record.key, record.value, list(record.headers)) for record in mine]
        hub.append(
            [(hub.topics.deliveries("db"), one.partition, other) for one, other in zip(mine, theirs, strict=True)]
        )
        until(lambda: Counter(run for _, run in hub.ended("db"))["r1"] == 3, "the redrives have their ends")
        hub.receive(make_event("last"))
        until(lambda: len(hub.ended("db")) == 13, "everything before it is worked off")

    assert rows(hub) == ["bad0", "bad1", "bad2", "good", "last"]
    ends = Counter((outcome.route, outcome.run, outcome.state) for outcome in hub.outcomes("db"))
    assert ends["all", Run("r1"), OutcomeState.DELIVERED] == 3, "redriving twice is one redrive"
    assert ends["some", LIVE, OutcomeState.DEAD] == 3
    assert json.loads(hub("dead", "list", "--json").stdout)["total"] == 3
    assert "left alone: 3 delivered since" in hub("dead", "redrive", "--route", "all", "--yes").stderr


def test_what_is_discarded_no_longer_waits_and_can_still_be_redriven(hub: Project) -> None:
    letter = make_delivery(make_event("a"), "db")
    hub.bury(letter)

    hub("dead", "discard", "--reason", "a test order", "--yes")

    discarded = hub.outcomes("db")[-1]
    assert (discarded.run, discarded.state, discarded.attempt) == ("r1", OutcomeState.DISCARDED, 0)
    assert discarded.error is not None
    assert discarded.error.endswith(": a test order")
    assert listed(hub) == {}
    assert "1 discarded" in hub("dead", "redrive", "--yes").stderr
    assert hub.lane("db") == []

    hub("dead", "redrive", "--discarded", "--yes")

    assert [one.run for one in hub.lane("db")] == ["r2"]


def test_a_letter_whose_destination_is_gone_is_refused_and_the_others_go(hub: Project) -> None:
    hub.bury(make_delivery(make_event("a"), "db"), make_delivery(make_event("b"), "out"))
    hub.configure('{db: {type: database, url: "sqlite:///events.db"}}', "[{id: all, to: db}]")

    result = hub("dead", "redrive", "--yes", code=1)

    assert "1 cannot be redriven: there is no destination out in hub.yaml any more" in result.stderr
    assert [one.event.id for one in hub.lane("db")] == ["a"]
    assert hub.lane("out") == []
    hub("dead", "discard", "--destination", "out", "--reason", "it is gone", "--yes")
    assert listed(hub, "--destination", "out", "--all") == {"b": "discarded"}


def test_an_unreadable_letter_can_be_looked_at_only(hub: Project) -> None:
    foreign = unreadable_dead_letter(b"k", b"\xff\x00", [("x", b"\x1b[2J")], "MalformedRecordError: no header 'ce_id'")
    hub.append([(hub.topics.dead_letters, 1, foreign)])

    assert "no header 'ce_id'" in hub("dead", "list").stdout
    shown = hub("dead", "show", "1:0")
    assert "\\x1b[2J" in shown.stdout
    assert "2 bytes that are no text" in shown.stdout
    [found] = json.loads(hub("dead", "show", "1:0", "--json").stdout)
    assert (found["state"], found["body_base64"]) == ("unreadable", "/wA=")
    for command in (("redrive",), ("discard", "--reason", "foreign")):
        assert "1 unreadable" in hub("dead", *command, "--yes").stderr


def test_a_replays_letter_is_not_redriven(hub: Project) -> None:
    letter = replace(make_delivery(make_event("a"), "db"), run=Run("p123456789abc"), lane=Lane.REPLAY)
    hub.bury(letter)
    hub.end(make_outcome(letter, OutcomeState.DELIVERED, Run("")), places=[partition_of(letter.event)])

    assert listed(hub, "--all") == {"a": "replay"}
    assert "1 of a replay" in hub("dead", "redrive", "--yes").stderr


def test_show_tells_why_and_what_became_of_each_run(hub: Project) -> None:
    letter = make_delivery(make_event("a", b'{"hello": "world"}'), "db", error="Bad: \x1b[2J")
    hub.bury(letter)
    hub.end(make_outcome(letter, OutcomeState.FAILED, Run("r1")), places=[partition_of(letter.event)])

    text = hub("dead", "show", "a").stdout
    [found] = json.loads(hub("dead", "show", letter.id, "--json").stdout)

    for expected in ('"hello": "world"', "redriven", "dead, attempt 3", "failed redrive r1", "ce_hubdelivery"):
        assert expected in text
    assert "\x1b" not in text
    assert found["body"] == '{"hello": "world"}'
    assert [outcome["run"] for outcome in found["outcomes"]] == ["", "r1"]
    assert "no dead letter 'b'" in hub("dead", "show", "b", code=1).stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_redrive_goes_on_where_it_stopped(hub: Project, number: signal.Signals) -> None:
    """Whether it could say goodbye or not: afterwards every letter was redriven, and none a second time."""
    letters = [make_delivery(make_event(f"e{n}", b"%d" % n, subject=f"s{n % 7}"), "db") for n in range(400)]
    hub.bury(*letters)
    process = hub.start("dead", "redrive", "--yes", "--rate", "100")
    until(lambda: len(hub.lane("db")) >= 20, "the first letters are redriven")
    process.send_signal(number)
    assert process.wait(20) == (1 if number is signal.SIGINT else -number), hub.log()
    before = len(hub.lane("db"))
    assert before < 400, "it was done before it was interrupted: this proves nothing"
    if number is signal.SIGINT:
        assert f"{before} redriven; the same command goes on with the rest" in hub.log()

    hub("dead", "redrive", "--yes", "--rate", "100000")

    redriven = hub.lane("db")
    assert Counter(one.key for one in redriven) == {(letter.id, "r1"): 1 for letter in letters}
    assert {one.event.id: one.event.body for one in redriven} == {one.event.id: one.event.body for one in letters}
    for subject in range(7):
        order = [one.event.id for one in redriven if one.event.subject == f"s{subject}"]
        assert order == [f"e{n}" for n in range(400) if n % 7 == subject]


def test_however_many_there_are_they_are_judged_a_list_at_a_time(hub: Project) -> None:
    letters = [make_delivery(make_event(f"e{n}"), "db") for n in range(25)]
    hub.bury(*letters)
    hub.bury(*(replace(letter, run=Run("r1")) for letter in letters[:3]))
    scanner = LogScanner(hub.kafka)
    dead_letters = DeadLetters(scanner, hub.admin, hub.topics, at_once=10)

    lists = list(dead_letters.judged(Choice(since=datetime.now(UTC) - timedelta(hours=1))))

    assert [len(letters) for letters in lists] == [10, 10, 8]
    states = Counter(one.state for letters in lists for one in letters)
    assert states == {"waiting": 25, "died again": 3}
    records = [(one.letter.event, record.value) for one, record in dead_letters.records(lists[0])]
    assert len(records) == 10


def test_two_letters_of_one_run_are_one(hub: Project) -> None:
    """A worker died after it wrote the letter; the next one wrote it again, and the outcome."""
    letter = make_delivery(make_event("a"), "db")
    hub.append([(hub.topics.dead_letters, partition_of(letter.event), encode_delivery(letter))])
    hub.bury(letter)

    assert json.loads(hub("dead", "list", "--json").stdout)["total"] == 1
    hub("dead", "redrive", "--yes")
    assert len(hub.lane("db")) == 1


def rows(hub: Project) -> list[Any]:
    with closing(sqlite3.connect(hub.home / "events.db")) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM events ORDER BY id")]


def change(hub: Project, statement: str) -> None:
    with closing(sqlite3.connect(hub.home / "events.db", timeout=30)) as connection:
        connection.execute(statement)
        connection.commit()
