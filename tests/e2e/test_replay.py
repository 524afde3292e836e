"""``hub replay`` on a real broker: the plan, the refusals, what is written, and that it can be interrupted."""

import json
import re
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
from kafka import KafkaAdminClient, TopicPartition

from hub.cli.replay import running
from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from hub.replay.progress import ReplayFiles
from schemas.identity import Run
from schemas.lane import Lane
from schemas.outcome import OutcomeState
from tests.fixtures.project import PARTITIONS, Project, make_event, make_outcome
from tests.fixtures.rows import postgres_rows

pytestmark = pytest.mark.timeout(180)

SQLITE = 'db: {type: database, url: "sqlite:///events.db"}'
SLACK = 'alerts: {type: slack, webhook_url: "https://hooks.slack.com/services/T/B/x"}'
DESTINATIONS = f"{{{SQLITE}, out: {{type: console}}, {SLACK}}}"
ROUTES = "[{id: keep, to: [db, out]}, {id: shout, when: {type: [push]}, to: [alerts, db]}, {id: quiet, to: db}]"


@pytest.fixture
def hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> Project:
    return Project(tmp_path, kafka, topics, DESTINATIONS, ROUTES)


def until(condition: Callable[[], object], what: str, seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds:.0f} s"
        time.sleep(0.05)


def planned(hub: Project, *options: str) -> Any:
    return json.loads(hub("replay", "--json", *options).stdout)


def test_the_plan_counts_and_says_what_a_repeat_does(hub: Project) -> None:
    now = datetime.now(UTC)
    hub.receive(
        *(make_event(f"e{n}", b'{"n": %d}' % n, received=now - timedelta(hours=9 - n)) for n in range(10)),
    )

    found = planned(hub, "--route", "keep", "--since", "270m", "--where", "body: {n: [5, 6, 1]}")

    assert (found["scanned"], found["matching"]) == (5, 2)
    assert found["destinations"] == [
        {"name": "db", "effect": "idempotent", "deliveries": 2},
        {"name": "out", "effect": "append", "deliveries": 2},
    ]
    shown = hub("replay", "--route", "keep", "--since", "24h", "--until", "330m", "--destination", "out")
    assert "4 events read, 4 match" in shown.stdout
    assert "a repeat ADDS EVERYTHING ONCE MORE" in shown.stdout
    assert "db" not in shown.stdout
    assert "nothing is written; --yes does it" in shown.stderr
    assert hub.lane("out", Lane.REPLAY) == []
    assert not (hub.home / "replays").exists()


def test_people_are_not_disturbed_again_unless_told(hub: Project) -> None:
    hub.receive(make_event("a"))
    choice = ("--route", "shout", "--since", "1h")

    refused = hub("replay", *choice, "--yes", code=1)

    assert "alerts would disturb people again, which is refused" in refused.stderr
    assert "--destination db to leave it out" in refused.stderr
    assert "DISTURBS PEOPLE AGAIN" in hub("replay", *choice).stdout  # the plan of it is no failure
    assert hub.lane("alerts", Lane.REPLAY) == hub.lane("db", Lane.REPLAY) == []
    hub("replay", *choice, "--destination", "db", "--yes")
    assert [len(hub.lane(name, Lane.REPLAY)) for name in ("alerts", "db")] == [0, 1]
    hub("replay", *choice, "--notify", "--yes")
    assert [len(hub.lane(name, Lane.REPLAY)) for name in ("alerts", "db")] == [1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--route", "kep", "--since", "1h"), "no route 'kep' in hub.yaml; did you mean `keep`?"),
        (("--route", "quiet", "--since", "1h", "--destination", "out"), "route quiet does not go to out, only to db"),
        (("--route", "quiet", "--since", "1h", "--where", "{"), "--where is neither JSON nor YAML"),
        (("--route", "quiet", "--since", "1h", "--where", "typ: [x]"), "--where: typ: no such field"),
        (("--route", "quiet", "--since", "1h", "--until", "2h"), "--since is not before --until"),
        (("--route", "quiet"), "Say what to replay"),
        (("--route", "quiet", "--since", "1h", "--wait"), "--wait waits for what --yes does"),
        (("--resume", "0123456789ab"), "there is no replay '0123456789ab'"),
        (("--resume", "0123456789ab", "--route", "quiet"), "leave that out"),
        (("--route", "quiet", "--since", "1h", "--rate", "fast"), "'fast' is no rate"),
    ],
)
def test_what_cannot_be_meant_is_explained(hub: Project, options: tuple[str, ...], message: str) -> None:
    assert message in hub("replay", *options, code=2).stderr


def test_it_says_from_when_on_the_log_has_everything(hub: Project) -> None:
    now = datetime.now(UTC)
    hub.receive(*(make_event(f"e{n}", received=now - timedelta(hours=20 - n)) for n in range(20)))
    admin = KafkaAdminClient(**hub.kafka.kafka_python())
    try:
        admin.delete_records({TopicPartition(hub.topics.events, number): 2 for number in range(PARTITIONS)})
    finally:
        admin.close()

    shown = hub("replay", "--route", "quiet", "--since", "7d")

    assert "16 events read" in shown.stdout
    assert "the log no longer has everything since then: it begins at " in shown.stderr
    assert "no longer has" not in hub("replay", "--route", "quiet", "--since", "1h").stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_replay_goes_on_without_gaps(hub: Project, number: signal.Signals) -> None:
    """After Ctrl-C nothing is written twice; after kill -9 at most what was written since progress was noted."""
    events = [make_event(f"e{n}", b"%d" % n, subject=f"s{n % 7}") for n in range(500)]
    hub.receive(*events)
    process = hub.start("replay", "--route", "quiet", "--since", "1h", "--yes", "--rate", "100")
    until(lambda: len(hub.lane("db", Lane.REPLAY)) >= 160, "a part is replayed")
    process.send_signal(number)
    assert process.wait(20) == (1 if number is signal.SIGINT else -number), hub.log()
    before = len(hub.lane("db", Lane.REPLAY))
    assert before < 500, "it was done before it was interrupted: this proves nothing"
    [replay_id] = re.findall(r"^replay ([0-9a-f]{12})$", hub.log(), re.MULTILINE)
    noted = ReplayFiles(hub.home).load(replay_id).written
    assert 0 < noted <= before

    hub("replay", "--resume", replay_id, "--rate", "100000")

    replayed = hub.lane("db", Lane.REPLAY)
    assert {one.event.id: one.event.body for one in replayed} == {event.id: event.body for event in events}
    assert {one.run for one in replayed} == {f"p{replay_id}"}
    assert len(replayed) == 500 + before - noted
    if number is signal.SIGINT:
        assert len(replayed) == 500
        assert f"stopped; `hub replay --resume {replay_id}` goes on" in hub.log()
    first = list(dict.fromkeys(one.event.id for one in replayed))
    for subject in range(7):
        assert [name for name in first if int(name[1:]) % 7 == subject] == [f"e{n}" for n in range(subject, 500, 7)]
    assert "500 deliveries written" in hub("replay", "--resume", replay_id).stdout
    assert len(hub.lane("db", Lane.REPLAY)) == len(replayed), "a finished replay has nothing left"
    if number is signal.SIGKILL:
        with hub.worker("--only", "db"):
            found = json.loads(hub("replay", "--resume", replay_id, "--wait", "--json").stdout)
        assert found["ends"] == {"db": {"delivered": 500}}
        ends = Counter(outcome.delivery for outcome in hub.outcomes("db") if outcome.state.terminal)
        assert set(ends.values()) == {1}, "what was written twice was delivered twice"


def test_a_resumed_replay_says_what_it_can_no_longer_do(hub: Project) -> None:
    hub.receive(*(make_event(f"e{n}") for n in range(10)))
    hub("replay", "--route", "keep", "--since", "1h", "--yes")
    files = ReplayFiles(hub.home)
    [path] = (hub.home / "replays").glob("*.json")
    finished = files.load(path.stem)
    files.save(replace(finished, left={0: range(finished.left[0].stop), 1: finished.left[1]}))
    admin = KafkaAdminClient(**hub.kafka.kafka_python())
    try:
        admin.delete_records({TopicPartition(hub.topics.events, 0): 2})
    finally:
        admin.close()
    hub.configure(DESTINATIONS, ROUTES.replace("id: keep,", "id: keep, when: {type: [push]},"))

    stderr = hub("replay", "--resume", path.stem).stderr

    assert "2 events were deleted (log.retention) before they could be replayed" in stderr
    assert "hub.yaml changed since it began" in stderr
    hub.configure(DESTINATIONS, ROUTES.replace("[db, out]", "db"))
    assert "does not go to out any more" in hub("replay", "--resume", path.stem, code=2).stderr


def test_waiting_ends_with_the_counts_and_a_dead_letter_is_a_finding(
    hub: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliveries end while it waits; a superseded end and another run's do not count."""
    hub.receive(*(make_event(f"e{n}") for n in range(3)))

    def end_one() -> None:
        replayed = {one.event.id: one for one in hub.lane("db", Lane.REPLAY)}
        [path] = (hub.home / "replays").glob("*.json")
        run = Run(f"p{path.stem}")
        ends = [
            make_outcome(replayed["e0"], OutcomeState.DELIVERED, Run("")),
            make_outcome(replayed["e0"], OutcomeState.FAILED),
        ]
        if len(hub.outcomes("db")) > 0:
            ends = [
                make_outcome(replayed["e0"], OutcomeState.DELIVERED),
                make_outcome(replayed["e0"], OutcomeState.DEAD),
                make_outcome(replayed["e1"], OutcomeState.DELIVERED),
                make_outcome(replace(replayed["e2"], error="no"), OutcomeState.DEAD),
            ]
        assert {one.run for one in ends} <= {run, ""}
        hub.end(*ends, places=[0] * len(ends))

    monkeypatch.setattr(running, "_pause", end_one)

    result = hub("replay", "--route", "quiet", "--since", "1h", "--yes", "--wait", code=1)

    assert "3 deliveries written" in result.stdout
    assert "db: 1 dead\ndb: 2 delivered\n" in result.stdout
    [path] = (hub.home / "replays").glob("*.json")
    again = json.loads(hub("replay", "--resume", path.stem, "--wait", "--json", code=1).stdout)
    assert again["ends"] == {"db": {"dead": 1, "delivered": 2}}


def test_ctrl_c_while_waiting_leaves_a_replay_that_can_be_waited_for(
    hub: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.receive(make_event("a"))

    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "_pause", interrupt)

    stderr = hub("replay", "--route", "quiet", "--since", "1h", "--yes", "--wait", code=1).stderr

    assert "1 deliveries have no end yet" in stderr
    assert "--wait` waits on" in stderr


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The URL of an empty one."""
    if request.param == "sqlite":
        return "sqlite:///events.db"
    url: str = request.getfixturevalue("postgres_database")
    return url


def test_a_database_ends_as_it_was(kafka: KafkaConnection, topics: Topics, tmp_path: Path, database: str) -> None:
    """Real events, a real worker: delivered, replayed twice, and the rows are equal."""
    hub = Project(tmp_path, kafka, topics, f'{{db: {{type: database, url: "{database}"}}}}', "[{id: keep, to: db}]")
    hub.receive(*(make_event(f"e{n}", b'{"n": %d}' % n) for n in range(60)))

    def rows() -> list[Any]:
        query = "SELECT * FROM events ORDER BY id"
        if database.startswith("postgresql"):
            return postgres_rows(database, query)
        with closing(sqlite3.connect(hub.home / "events.db")) as connection:
            return connection.execute(query).fetchall()

    with hub.worker():
        until(lambda: len(hub.ended("db")) == 60, "the live deliveries end")
        before = rows()
        assert len(before) == 60

        for _ in range(2):
            found = hub("replay", "--route", "keep", "--since", "1h", "--yes", "--wait", "--rate", "1000/s")
            assert "db: 60 delivered" in found.stdout

        assert rows() == before
    ends = Counter(run[:1] for _, run in hub.ended("db"))
    assert ends == {"": 60, "p": 120}
