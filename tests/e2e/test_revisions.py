"""``hub.config`` on a real broker: one order, whoever writes; and the commands that change it."""

import asyncio
import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from hub.config.model import LogConfig
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.revision_follower import RevisionFollower
from hub.log.revisions import RevisionConflictError, RevisionLog, RevisionTooLargeError
from hub.log.topics import Layout, Topics
from schemas.revision import AppliedBy, AppliedRevision
from tests.fixtures.project import Project, make_event

LIMIT = 1_000_000
DESTINATIONS = "{out: {type: console}}"
ROUTES = "[{id: all, to: out}]"


def revision(name: str, previous: str | None) -> AppliedRevision:
    return AppliedRevision(
        name, previous, AppliedBy.APPLY, None, "ada@here", "tests", datetime.now(UTC), ("out",), {"hub.yaml": name}
    )


@pytest.fixture
def log(kafka: KafkaConnection, topics: Topics) -> RevisionLog:
    LogAdmin(kafka, Layout(topics, LogConfig(partitions=2))).ensure()
    return RevisionLog(kafka, topics)


@pytest.fixture
def hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> Project:
    return Project(tmp_path, kafka, topics, DESTINATIONS, ROUTES)


# -- the log


async def test_of_many_who_apply_at_once_exactly_one_wins_and_the_others_are_told(
    log: RevisionLog, caplog: pytest.LogCaptureFixture
) -> None:
    await log.append(revision("first", None), LIMIT)
    answers = await asyncio.gather(
        *(log.append(revision(f"second-{n}", "first"), LIMIT) for n in range(6)), return_exceptions=True
    )
    history = [one.revision for one in await log.history()]
    assert history[0] == "first"
    assert len(history) == 2, "two who expected the same were both written"
    assert [str(answer) for answer in answers if not isinstance(answer, RevisionConflictError)] == ["None"]
    assert history[1] == f"second-{answers.index(None)}"
    assert "never retrieved" not in caplog.text


async def test_whoever_expects_another_revision_writes_nothing(log: RevisionLog) -> None:
    await log.append(revision("a", None), LIMIT)
    with pytest.raises(RevisionConflictError) as caught:
        await log.append(revision("b", None), LIMIT)
    assert caught.value.head is not None
    assert caught.value.head.revision == "a"
    assert [one.revision for one in await log.history()] == ["a"]


async def test_who_was_overtaken_while_writing_leaves_nothing_that_counts(
    log: RevisionLog, kafka: KafkaConnection, topics: Topics
) -> None:
    """It has read and written, and is about to commit, when another one begins."""
    await log.append(revision("a", None), LIMIT)
    slow = AIOKafkaProducer(**kafka.aiokafka(), transactional_id=topics.config)
    await slow.start()
    await slow.begin_transaction()
    await slow.send_and_wait(topics.config, b"written by whoever was overtaken", partition=0)
    await log.append(revision("b", "a"), LIMIT)
    with pytest.raises(Exception, match="newer producer"):
        await slow.commit_transaction()
    await slow.stop()
    assert [one.revision for one in await log.history()] == ["a", "b"]


async def test_what_does_not_fit_into_a_record_is_refused_and_says_what_would_help(log: RevisionLog) -> None:
    large = replace(revision("a", None), texts={"hub.yaml": secrets.token_hex(200_000)})
    with pytest.raises(RevisionTooLargeError, match="max_body"):
        await log.append(large, 100_000)
    assert await log.history() == []
    await log.append(replace(large, texts={"hub.yaml": "- {id: all}\n" * 80_000}), 100_000)  # text compresses well


async def test_who_follows_hears_of_each_and_knows_when_it_knows_all(
    log: RevisionLog, kafka: KafkaConnection, topics: Topics
) -> None:
    follower = RevisionFollower(kafka, topics)
    try:
        await follower.start()
        assert not follower.history
        await log.append(revision("a", None), LIMIT)
        await follower.caught_up()
        assert follower.changed.is_set()
        assert follower.head is not None
        assert follower.head.texts == {"hub.yaml": "a"}
        await log.append(revision("b", "a"), LIMIT)
        await follower.caught_up()
        assert [one.revision for one in follower.history] == ["a", "b"]
    finally:
        await follower.close()


# -- the commands


def test_plan_apply_history_and_rollback(hub: Project) -> None:
    assert "Nothing → " in hub("plan", code=2).stdout
    first = hub.configuration.revision
    assert f"Revision {first} is in force." in hub("apply", "-m", "the first").stdout
    assert "nothing would change" in hub("plan", code=0).stdout
    assert "in force already" in hub("apply", "-m", "again").stdout

    hub.configure("{out: {type: console}, more: {type: console}}", "[{id: all, to: [out, more]}]")
    second = hub.configuration.revision
    planned = hub("plan", code=2).stdout
    assert "+ destination more" in planned
    assert '    to: out → ["out", "more"]' in planned
    assert json.loads(hub("plan", "--json", code=2).stdout)["before"] == first
    assert "not 000000" in hub("apply", "-m", "careful", "--expect", "000000", code=1).stderr
    hub("apply", "-m", "more of it", "--by", "ada", "--expect", first)

    assert f"Revision {first} is in force again, after {second}." in hub("rollback", "-m", "it was worse").stdout
    entries = json.loads(hub("history", "--json").stdout)
    assert [one["revision"] for one in entries] == [first, second, first]
    assert entries[0]["kind"] == "rollback"
    assert entries[0]["overrides"] == second
    assert entries[1] | {"by": "ada", "why": "more of it", "previous": first} == entries[1]
    assert "rollback, over" in hub("history").stdout
    assert "more: {type: console}" in hub("history", second[:5]).stdout
    assert f"Revision {second} is in force again" in hub("rollback", second).stdout
    assert "no revision begins with zz" in hub("rollback", "zz", code=1).stderr


def test_what_cannot_be_is_planned_with_1_and_not_applied(hub: Project) -> None:
    hub("apply", "-m", "the first")
    text = (hub.folder / "hub.yaml").read_text()
    for broken, reason in (
        (text.replace("to: out", "to: outt"), "there is no destination `outt`"),
        (text.replace("partitions: 2", "partitions: 3"), "log.partitions is 3, and the topics have 2"),
        (text + "tests: [{name: all, event: {source: github}, expect: []}]\n", "1 of 1 tests fail"),
    ):
        (hub.folder / "hub.yaml").write_text(broken)
        planned = hub("plan", code=1)
        assert reason in planned.stdout + planned.stderr
        refused = hub("apply", "-m", "no", code=2 if "outt" in broken else 1)
        assert reason in refused.stderr
    (hub.folder / "hub.yaml").write_text(text)
    assert len(json.loads(hub("history", "--json").stdout)) == 1


def test_a_plan_says_what_of_the_past_would_be_decided_otherwise_and_what_is_probably_a_mistake(hub: Project) -> None:
    assert "nothing is in force yet" in hub("plan", "--since", "1h", code=2).stdout
    hub("apply", "-m", "the first")
    hub.receive(*[make_event(f"e{n}", subject=f"s{n}") for n in range(6)])
    hub.configure(DESTINATIONS, "[{id: other, to: out}]")
    assert "fix: write `was: all` beside it" in hub("plan", code=2).stdout
    hub.configure(DESTINATIONS, "[{id: all, to: out, when: {subject: [s1]}}]")
    assert "6 events read, 5 decided otherwise" in hub("plan", "--since", "1h", code=2).stdout
    found = json.loads(hub("plan", "--since", "1h", "--json", code=2).stdout)["backtest"]
    assert [(one["route"], one["before"], one["removed"]) for one in found["targets"]] == [("all", 6, 5)]
    assert json.loads(hub("plan", "--json", code=2).stdout)["backtest"] is None


def test_what_topics_are_made_by_must_be_known_to_whoever_applies(hub: Project) -> None:
    text = (hub.folder / "hub.yaml").read_text()
    (hub.folder / "hub.yaml").write_text(text.replace("partitions: 2", "partitions: '${N}'"))
    assert "`log` has a variable" in hub("apply", "-m", "no", "--no-env", code=2).stderr
    (hub.folder / "hub.yaml").write_text(text)
    hub("apply", "-m", "yes", "--no-env")


def test_variables_stay_as_they_are_written(hub: Project) -> None:
    hub.configure('{out: {type: slack, webhook_url: "${THE_URL}"}}', ROUTES)
    assert "THE_URL" in hub("apply", "-m", "no", code=2).stderr
    hub("apply", "-m", "from where the secrets are not", "--no-env")
    assert '"${THE_URL}"' in hub("history", hub_revision(hub)).stdout


def hub_revision(hub: Project) -> str:
    found = json.loads(hub("history", "--json").stdout)[0]["revision"]
    assert isinstance(found, str)
    return found
