"""What routes add to a pattern, from the log to a table: stop, otherwise, transform, on real Kafka with a worker."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from hub.log.connection import KafkaConnection
from hub.log.records import decode_delivery
from hub.log.topics import Topics
from tests.fixtures.project import Project, make_event

pytestmark = pytest.mark.timeout(120)

DESTINATIONS = '{db: {type: database, url: "sqlite:///events.db"}}'
ROUTES = """
  - {id: refunds, to: db, stop: true, when: {body.kind: [refund]}, transform: "{due: abs(body.amount), by: type}"}
  - {id: large, to: db, when: {body.amount: [{numeric: [">", 18446744073709551616]}]}, unless: {body.test: [true]}}
  - {id: rest, to: db, otherwise: true, when: {source: [github]}}
"""
BODIES = {
    "refund": b'{"kind": "refund", "amount": -36893488147419103232}',
    "broken": b'{"kind": "refund", "amount": "much"}',
    "large": b'{"amount": 18446744073709551617}',
    "limit": b'{"amount": 18446744073709551616}',
    "test": b'{"amount": 18446744073709551617, "test": true}',
}


@pytest.fixture
def hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> Project:
    project = Project(tmp_path, kafka, topics, DESTINATIONS, ROUTES)
    project.receive(*(make_event(name, body) for name, body in BODIES.items()))
    return project


def rows(hub: Project) -> dict[str, tuple[str, Any]]:
    """Event → route and data."""
    try:
        with closing(sqlite3.connect(hub.home / "events.db")) as database:
            found = database.execute("select id, route, data from events").fetchall()
    except sqlite3.OperationalError:  # no table yet
        return {}
    return {name: (route, json.loads(data)) for name, route, data in found}


def test_each_event_takes_its_routes_and_a_transform_changes_what_is_delivered_alone(hub: Project) -> None:
    with hub.worker():
        end = monotonic() + 60
        while len(rows(hub)) < 4 or not hub.records(hub.topics.dead_letters):
            assert monotonic() < end, hub.log()
            sleep(0.2)
    assert rows(hub) == {
        "refund": ("refunds", {"due": 36893488147419103232, "by": "push"}),
        "large": ("large", json.loads(BODIES["large"])),
        "limit": ("rest", json.loads(BODIES["limit"])),
        "test": ("rest", json.loads(BODIES["test"])),
    }
    (letter,) = (decode_delivery(each.headers, each.value) for each in hub.records(hub.topics.dead_letters))
    assert (letter.event.id, letter.event.body, letter.attempt) == ("broken", BODIES["broken"], 1)
    assert "cannot be applied" in (letter.error or "")
    assert {each.event.id: each.event.body for each in hub.lane("db")} == BODIES  # the log keeps the bytes
