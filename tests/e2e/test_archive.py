"""Archives, from events to objects and back, on real Kafka: what is older than the log is delivered all the same."""

import json
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.testing import BODIES
from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from schemas.event import Event
from tests.fixtures.project import Project, make_event

pytestmark = pytest.mark.timeout(180)

ROUTES = "[{id: keep, to: archive}, {id: pushes, when: {type: [push]}, to: [archive, db]}, {id: all, to: db}]"
DB = 'db: {type: database, url: "sqlite:///events.db"}'


def destinations(archive: Path) -> str:
    return f'{{archive: {{type: object_store, url: "file://{archive}", batch: {{max_wait: 300ms}}}}, {DB}}}'


@pytest.fixture
def hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> Project:
    """Its log is younger than its archive."""
    (tmp_path / "new").mkdir()
    return Project(tmp_path / "new", kafka, topics, destinations(tmp_path / "archive"), ROUTES)


@pytest.fixture
def events() -> list[Event]:
    now = datetime.now(UTC)
    bodies = [*BODIES.values(), *(b'{"n": %d}' % n for n in range(100))]
    return [
        make_event(f"e{n}", body, received=(now - timedelta(hours=1, seconds=-n)).replace(microsecond=0))
        for n, body in enumerate(bodies)
    ]


@pytest.fixture
def archived(kafka: KafkaConnection, topics: Topics, tmp_path: Path, events: list[Event]) -> Project:
    """The hub before, which filled the archive, and is gone. Every event is in it by two routes."""
    (tmp_path / "old").mkdir()
    old = Project(tmp_path / "old", kafka, Topics(f"{topics.hub}-old"), destinations(tmp_path / "archive"), ROUTES)
    old.receive(*events)
    with old.worker():
        until(lambda: len(old.ended("archive")) == 2 * len(events), "archived")
        until(lambda: len(old.ended("db")) == 2 * len(events), "delivered")
    return old


def until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds:.0f} s"
        time.sleep(0.05)


def rows(hub: Project) -> list[Any]:
    with closing(sqlite3.connect(hub.home / "events.db")) as database:
        return database.execute("SELECT id, type, subject, received, metadata, data FROM events ORDER BY id").fetchall()


def test_what_the_log_no_longer_has_is_delivered_from_the_archive(
    hub: Project, archived: Project, events: list[Event]
) -> None:
    choice = ("--archive", "archive", "--route", "all", "--since", "3h")
    planned = json.loads(hub("replay", *choice, "--json").stdout)
    assert planned["destinations"] == [{"name": "db", "effect": "idempotent", "deliveries": len(events)}]
    with hub.worker():
        done = hub("replay", *choice, "--yes", "--wait", "--rate", "10000")
    assert f"db: {len(events)} delivered" in done.stdout
    assert rows(hub) == rows(archived)
    ids = {delivery for delivery, _ in archived.ended("db") if delivery.endswith(":all:db")}
    assert {delivery for delivery, _ in hub.ended("db")} == ids, "another id would be another delivery"


def test_an_interrupted_replay_of_an_archive_goes_on(hub: Project, archived: Project, events: list[Event]) -> None:
    url = f"file://{hub.folder.parent / 'archive'}"
    choice = ("--archive", url, "--route", "all", "--since", "3h", "--yes", "--rate", "20")
    with hub.worker():
        process = hub.start("replay", *choice)
        until(lambda: len(hub.ended("db")) >= 20, "some are delivered")
        process.send_signal(signal.SIGKILL)
        process.wait()
        [replay_id] = [path.stem for path in (hub.home / "replays").glob("*.json")]
        assert len(hub.ended("db")) < len(events), "it was done before it was killed: this proves nothing"
        hub("replay", "--resume", replay_id, "--wait", "--rate", "10000")
    assert rows(hub) == rows(archived)
    assert len(hub.ended("db")) == len(events)


def test_a_damaged_object_stops_the_replay_and_is_named(hub: Project, archived: Project, events: list[Event]) -> None:
    path = max((hub.folder.parent / "archive").rglob("*.zst"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    choice = ("--archive", "archive", "--route", "all", "--since", "3h")
    assert path.name in hub("replay", *choice, "--yes", code=1).stderr
    path.write_bytes(whole)
    with hub.worker():
        hub("replay", *choice, "--yes", "--wait", "--rate", "10000")
    assert rows(hub) == rows(archived)


def test_events_of_an_archive_are_listed_and_shown(hub: Project, archived: Project, events: list[Event]) -> None:
    listed = json.loads(
        hub("events", "list", "--archive", "archive", "--since", "3h", "--limit", "1000", "--json").stdout
    )
    assert Counter(one["id"] for one in listed) == {event.id: 2 for event in events}, "once by each route"
    newest = hub("events", "list", "--archive", "archive", "--since", "3h", "--limit", "1").stdout
    assert events[-1].id in newest
    shown = json.loads(hub("events", "show", f"github/{events[0].id}", "--archive", "archive", "--json").stdout)
    assert shown["digest"] == events[0].digest
    text = hub("events", "show", events[0].id, "--archive", "archive").stdout
    assert events[0].digest in text
    assert "decided" not in text
    assert "no event 'nobody'" in hub("events", "show", "nobody", "--archive", "archive", code=1).stderr


def test_a_wrong_archive_says_what_would_be_right(hub: Project) -> None:
    for name, complaint in (
        ("db", r"expected a destination that keeps an archive \(archive\)"),
        ("nothing", "or a URL such as s3://"),
        ("ftp://x/y", "no store is called ftp://"),
    ):
        assert re.search(complaint, hub("events", "list", "--archive", name, code=2).stderr)
    empty = hub("events", "list", "--archive", f"file://{hub.folder}/empty")
    assert "nothing received" in empty.stderr


def test_a_backtest_reads_the_archive_and_an_event_with_two_copies_once(
    hub: Project, archived: Project, events: list[Event]
) -> None:
    new = hub.folder / "new.yaml"
    new.write_text((hub.folder / "hub.yaml").read_text().replace("type: [push]", "type: [pull]"))
    result = hub("backtest", str(new), "--archive", "archive", "--since", "3h", "--json")
    found = json.loads(result.stdout)
    assert (found["scanned"], found["changed"]) == (len(events), len(events))
    removed = {(each["route"], each["destination"]): each["removed"] for each in found["targets"]}
    assert removed["pushes", "archive"] == removed["pushes", "db"] == len(events)
    assert removed["keep", "archive"] == 0
