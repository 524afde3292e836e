"""Working with rules on a real log: explain an event, record a test of it, and see what other rules would have done."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.config.deciding import Rules
from hub.log.connection import KafkaConnection
from hub.log.records import EventOutline, encode_decision
from hub.log.topics import Topics
from schemas.decision import Decision
from schemas.lane import Lane
from tests.fixtures.project import Project, make_event

pytestmark = pytest.mark.timeout(120)

DESTINATIONS = '{db: {type: database, url: "sqlite:///events.db"}, screen: {type: console}}'
LOUD = "{id: loud, to: screen, when: {body: {n: [{numeric: ['>', 7]}]}}, with: {screen: {text: 'n = {{ body.n }}'}}}"
ROUTES = f"[{{id: keep, to: db}}, {LOUD}]"
FEWER = "[{id: keep, to: db}, {id: rest, to: screen, when: {body: {n: [{numeric: ['<', 2]}]}}}]"


@pytest.fixture
def hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> Project:
    """Ten events, ``e0`` with 0 in its body and so on, decided by ROUTES."""
    project = Project(tmp_path, kafka, topics, DESTINATIONS, ROUTES)
    now = datetime.now(UTC)
    project.receive(
        *(make_event(f"e{n}", b'{"n": %d}' % n, received=now - timedelta(minutes=10 - n)) for n in range(10))
    )
    decide(project)
    return project


def decide(project: Project) -> None:
    """As ``route`` does, without a worker to wait for."""
    rules, topics = Rules(project.configuration), project.topics
    records = []
    for record in project.records(topics.events):
        event = EventOutline(record.headers, record.value)
        decision = Decision(
            source=event.source,
            id=event.id,
            digest=event.digest,
            offset=record.offset,
            revision=rules.revision,
            decided=datetime.now(UTC),
            deliveries=rules.decide(event),
        )
        records.append((topics.decisions, record.partition, encode_decision(decision, record.key)))
    project.append(records)


def answered(hub: Project, *words: str) -> Any:
    return json.loads(hub(*words, "--json").stdout)


class TestExplain:
    def test_an_event_says_what_was_decided_and_by_which_revision(self, hub: Project) -> None:
        shown = hub("explain", "e9").stdout
        revision = hub.configuration.revision
        assert "by revision " + revision + ": keep → db, loud → screen" in shown
        assert f"revision {revision} decides the same" in shown
        found = answered(hub, "explain", "github/e3")
        assert [each["matches"] for each in found["routes"]] == [True, False]
        assert found["routes"][1]["failed"]["actual"] == "3"
        assert found["decision"]["revision"] == revision

    def test_what_would_be_decided_otherwise_now_is_said(self, hub: Project) -> None:
        then = hub.configuration.revision
        hub.configure(DESTINATIONS, FEWER)
        found = answered(hub, "explain", "e9")
        assert found["decision"]["revision"] == then
        assert found["changes"] == {"added": [], "removed": ["loud → screen"]}
        assert "  + rest → screen" in hub("explain", "e1").stdout.splitlines()

    def test_one_that_nobody_decided_yet_is_explained_all_the_same(self, hub: Project) -> None:
        hub.receive(make_event("young", b'{"n": 8}'))
        assert "not decided yet" in hub("explain", "young").stdout
        assert answered(hub, "explain", "young")["decision"] is None

    def test_one_that_is_not_there(self, hub: Project) -> None:
        assert "no event 'e77' in the log" in hub("explain", "e77", code=1).stderr


class TestRecord:
    def test_a_recorded_test_passes_and_leaves_the_rest_alone(self, hub: Project) -> None:
        file = hub.folder / "hub.yaml"
        before = file.read_text()
        said = hub("test", "--record", "e9", "--renders")
        assert said.stdout.startswith(f"{file}:{before.count(chr(10)) + 2}: added the test 'push subject of e9'")
        assert file.read_text().startswith(before)
        assert "look at it before you commit it" in said.stderr
        (test,) = hub.configuration.tests
        assert (test.name, test.expect) == ("push subject of e9", ("keep", "loud"))
        assert test.renders["loud"]["screen"] == {"text": "n = 9"}
        assert test.event["body"] == {"n": 9}
        assert "1 passed, 0 failed" in hub("test").stdout
        hub("test", "--record", "e1", "--name", "little happens")
        assert [each.expect for each in hub.configuration.tests] == [("keep", "loud"), ("keep",)]
        assert "2 passed, 0 failed" in hub("test").stdout

    def test_the_body_can_be_left_out_unless_routes_look_at_it(self, hub: Project) -> None:
        before = (hub.folder / "hub.yaml").read_text()
        refused = hub("test", "--record", "e9", "--metadata-only", code=1)
        assert "without the body it is another event for loud; record it without --metadata-only" in refused.stderr
        assert (hub.folder / "hub.yaml").read_text() == before
        hub("test", "--record", "e1", "--metadata-only")
        (test,) = hub.configuration.tests
        assert "body" not in test.event
        assert test.event["metadata"] == {"team": "x"}

    def test_headers_are_recorded_only_where_a_route_looks_at_them(self, hub: Project) -> None:
        event = replace(make_event("signed"), headers=(("x-hub-signature", "s"), ("x-shop", "a")))
        hub.receive(event)
        hub("test", "--record", "signed")
        (test,) = hub.configuration.tests
        assert not test.event.get("headers")
        hub.configure(DESTINATIONS, "[{id: keep, to: db}, {id: shop, to: screen, when: {headers: {x-shop: [a]}}}]")
        hub("test", "--record", "signed")
        (test,) = hub.configuration.tests
        assert (test.event["headers"]["x-shop"], test.expect) == ("a", ("keep", "shop"))


class TestBacktest:
    def test_it_counts_what_other_rules_would_have_done(self, hub: Project) -> None:
        new = hub.folder / "new.yaml"
        new.write_text((hub.folder / "hub.yaml").read_text().replace(ROUTES, FEWER))
        found = answered(hub, "backtest", str(new), "--since", "1h")
        assert (found["scanned"], found["changed"], found["decided_otherwise"], found["undecided"]) == (10, 4, 0, 0)
        targets = {each["route"]: each for each in found["targets"]}
        assert (targets["keep"]["before"], targets["keep"]["after"]) == (10, 10)
        assert (targets["loud"]["removed"], targets["rest"]["added"]) == (2, 2)
        assert {each["id"] for each in targets["loud"]["samples"]["removed"]} == {"e8", "e9"}
        shown = hub("backtest", str(new), "--since", "1h").stdout
        assert "10 events read, 4 decided otherwise" in shown
        assert "1 other routes and destinations: 10 deliveries as before" in shown
        later = answered(hub, "backtest", str(new), "--since", "270s", "--until", "150s")
        assert (later["scanned"], later["changed"]) == (2, 0)

    def test_nothing_is_written(self, hub: Project) -> None:
        topics = [hub.topics.events, hub.topics.decisions, hub.topics.deliveries("screen", Lane.NORMAL)]
        before = [len(hub.records(topic)) for topic in topics]
        hub("backtest", str(hub.folder / "hub.yaml"), "--since", "1h")
        assert [len(hub.records(topic)) for topic in topics] == before

    def test_events_that_were_decided_otherwise_when_they_came_are_told(self, hub: Project) -> None:
        hub.configure(DESTINATIONS, FEWER)
        hub.receive(make_event("young"))
        result = hub("backtest", str(hub.folder / "hub.yaml"), "--since", "1h")
        assert "11 events read, 0 decided otherwise" in result.stdout
        assert "4 events were decided otherwise when they came than revision" in result.stderr
        assert answered(hub, "backtest", str(hub.folder / "hub.yaml"), "--since", "1h")["undecided"] == 1

    def test_what_cannot_be_meant_is_explained(self, hub: Project) -> None:
        new = hub.folder / "new.yaml"
        assert "not found" in hub("backtest", str(new), "--since", "1h", code=2).stderr
        new.write_text("version: 2\n")
        assert "expected 1" in hub("backtest", str(new), "--since", "1h", code=2).stderr
        assert (
            "--since is not before --until"
            in hub("backtest", str(new), "--since", "1h", "--until", "2h", code=2).stderr
        )
