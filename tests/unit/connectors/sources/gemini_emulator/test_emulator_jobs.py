"""What becomes of jobs: by script, by chance, by hand, and over a restart."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.sources.gemini.emulator import shapes
from connectors.sources.gemini.emulator.emulator import Emulator
from connectors.sources.gemini.emulator.errors import InvalidArgumentError, NotFoundError
from connectors.sources.gemini.emulator.records import Failure, Job, JobKind, Outcome
from connectors.sources.gemini.emulator.requests import CreateBatch, CreateInteraction, CreateVideo
from connectors.sources.gemini.emulator.scenario import (
    Pattern,
    Rule,
    Scenario,
    ScenarioError,
    Subject,
    load_scenario,
    parse_weights,
    plan,
)
from connectors.sources.gemini.emulator.store import Store, StoreError
from tests.fixtures.emulator_process import until
from tests.fixtures.endpoint import Endpoint
from tests.fixtures.gemini_emulator import BATCH_TIME, Wall, after, deliveries, emulating, register, start_batch

BATCH = Subject(kind=JobKind.BATCH, model="gemini-2.5-flash", display_name="nightly-7", metadata={"priority": "high"})


@dataclass
class Leap(Wall):
    """Stands still, and leaps by a batch's time at a reading (1 is the next one)."""

    leap_at: int = 0

    def __call__(self) -> float:
        self.leap_at -= 1
        if self.leap_at == 0:
            self.now += BATCH_TIME
        return self.now


def interaction(emulator: Emulator, **given: Any) -> Job:
    raw = {"model": "gemini-3.6-flash", "input": "tell me", "background": True, **given}
    return emulator.jobs.create_interaction(CreateInteraction.model_validate(raw), raw)


def file_batch(emulator: Emulator, content: bytes) -> Job:
    name = emulator.files.add(content, "application/jsonl").name
    return emulator.jobs.create_batch(
        "gemini-2.5-flash", CreateBatch.model_validate({"batch": {"inputConfig": {"fileName": name}}})
    )


@pytest.mark.parametrize("reading", range(1, 6))
async def test_a_job_that_becomes_due_while_the_emulator_looks_ends_at_once(tmp_path: Path, reading: int) -> None:
    """Whichever reading of the clock is the first one after its time."""
    wall = Leap()
    async with emulating(tmp_path, wall=wall) as emulator:
        job = start_batch(emulator)
        await after(emulator, 0)
        wall.leap_at = reading
        emulator.wake()
        await until(lambda: emulator.jobs.get(job.name).outcome is not None, 20)


@pytest.mark.parametrize("turns", range(5))
async def test_it_ends_when_it_is_told_to_while_it_wakes_up(tmp_path: Path, turns: int) -> None:
    """However far it has come: being cancelled must not be lost."""
    async with emulating(tmp_path) as emulator:
        await after(emulator, 0)
        emulator.wake()
        for _ in range(turns):
            await asyncio.sleep(0)


async def test_a_batch_of_a_file_answers_each_line_under_its_key(tmp_path: Path) -> None:
    lines = [{"key": key, "request": {"contents": [{"parts": [{"text": f"ask {key}"}]}]}} for key in ("a", "b")]
    written = [json.dumps(line).encode() for line in lines]
    async with Endpoint() as endpoint, emulating(tmp_path) as emulator:
        register(emulator, endpoint.url)
        job = file_batch(
            emulator, b"\n".join([written[0], b"not JSON", b"", b'{"key": "c", "request": {}}', written[1]])
        )
        assert job.requests == 4
        await after(emulator, BATCH_TIME)
        ended = emulator.jobs.get(job.name)
        assert ended.output_file is not None
        answers = [json.loads(line) for line in emulator.files.download(ended.output_file)[1].splitlines()]
        stats = shapes.batch_operation(ended, emulator.clock, None)["metadata"]["batchStats"]
    assert [answer.get("key") for answer in answers] == ["a", None, "c", "b"]
    assert answers[3]["response"]["candidates"][0]["content"]["parts"] == [{"text": "Emulated answer to: ask b"}]
    assert "error" in answers[1]
    assert "error" in answers[2]
    assert stats == {"requestCount": "4", "successfulRequestCount": "2", "failedRequestCount": "2"}
    assert json.loads(endpoint.received[0].body)["data"]["output_file_uri"] == ended.output_file


async def test_a_batch_is_pending_then_running_then_ended(tmp_path: Path) -> None:
    async with emulating(tmp_path) as emulator:
        job = start_batch(emulator)
        states = []
        for wait in (0.0, BATCH_TIME / 2, BATCH_TIME / 2):
            await after(emulator, wait)
            operation = shapes.batch_operation(emulator.jobs.get(job.name), emulator.clock, None)
            states.append((operation["metadata"]["state"], operation.get("done")))
    assert states == [("BATCH_STATE_PENDING", None), ("BATCH_STATE_RUNNING", None), ("BATCH_STATE_SUCCEEDED", True)]


async def test_a_batch_whose_input_has_gone_fails_and_says_so(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path) as emulator:
        register(emulator, endpoint.url)
        job = file_batch(emulator, b"{}")
        emulator.files.delete(emulator.jobs.request(job).decode())
        await after(emulator, BATCH_TIME)
    body = json.loads(endpoint.received[0].body)
    assert (body["type"], body["data"]["error_code"]) == ("batch.failed", "NOT_FOUND")


async def test_files_are_gone_after_48_hours(tmp_path: Path) -> None:
    async with emulating(tmp_path) as emulator:
        name = emulator.files.add(b"{}", "application/jsonl", generated=True).name
        await after(emulator, 48 * 3600 - 1)
        assert emulator.files.download(name)[1] == b"{}"
        await after(emulator, 2)
        with pytest.raises(NotFoundError):
            emulator.files.download(name)
        assert emulator.store.read(name) is None


@pytest.mark.parametrize(
    ("outcome", "status", "event"),
    [
        (Outcome.SUCCEED, "completed", "interaction.completed"),
        (Outcome.FAIL, "failed", "interaction.failed"),
        (Outcome.CANCEL, "cancelled", "interaction.cancelled"),
        (Outcome.REQUIRE_ACTION, "requires_action", "interaction.requires_action"),
    ],
)
async def test_an_interaction_ends_in_each_way(tmp_path: Path, outcome: Outcome, status: str, event: str) -> None:
    scenario = Scenario(jobs=(Rule(match=Pattern(kind=JobKind.INTERACTION), outcome={outcome: 1.0}),))
    tools = [{"type": "function", "name": "look_up"}]
    async with Endpoint() as endpoint, emulating(tmp_path, scenario=scenario) as emulator:
        job = interaction(emulator, tools=tools, webhook_config={"uris": [endpoint.url]})
        assert job.outcome is None
        await after(emulator, 60)
        ended = emulator.jobs.get(job.name)
        shown = shapes.interaction(ended, json.loads(emulator.jobs.request(ended)), emulator.jobs.result(ended))
    assert shown["status"] == status
    assert json.loads(endpoint.received[0].body)["type"] == event
    steps = {step["type"]: step for step in shown["steps"]}
    if outcome is Outcome.REQUIRE_ACTION:
        assert steps["function_call"]["name"] == "look_up"
    if outcome is Outcome.SUCCEED:
        assert steps["model_output"]["content"][0]["text"] == "Emulated answer to: tell me"


async def test_an_interaction_in_the_foreground_has_ended_at_once_and_tells_nobody(tmp_path: Path) -> None:
    async with emulating(tmp_path) as emulator:
        register(emulator, "http://127.0.0.1:1/", "interaction.completed")
        assert interaction(emulator, background=False).outcome is Outcome.SUCCEED
        assert deliveries(emulator) == []


async def test_a_video_is_a_file_and_a_failed_one_has_no_event(tmp_path: Path) -> None:
    wanted = CreateVideo.model_validate({"instances": [{"prompt": "a cat"}]})
    async with Endpoint() as endpoint, emulating(tmp_path) as emulator:
        register(emulator, endpoint.url, "video.generated")
        good, bad = (emulator.jobs.create_video("veo", wanted) for _ in range(2))
        emulator.jobs.finish(bad, Outcome.FAIL)
        await after(emulator, 120)
        file = emulator.jobs.get(good.name).output_file
        assert file is not None
        assert emulator.files.download(file)[1][4:8] == b"ftyp"
        assert shapes.video_operation(emulator.jobs.get(bad.name), "")["error"]["code"] == 13
    [received] = endpoint.received
    data = json.loads(received.body)["data"]
    assert data["file_name"] == file
    assert data["output_file_uri"].endswith(f"/{file}:download?alt=media")


async def test_the_end_of_a_job_is_final(tmp_path: Path) -> None:
    async with emulating(tmp_path) as emulator:
        register(emulator, "http://127.0.0.1:1/")
        job = start_batch(emulator)
        emulator.jobs.finish(job, Outcome.FAIL, Failure(code="QUOTA", message="No more."))
        emulator.jobs.finish(emulator.jobs.get(job.name), Outcome.CANCEL)
        await after(emulator, BATCH_TIME)
        assert emulator.jobs.get(job.name).outcome is Outcome.FAIL
        assert [each.event_type for each in deliveries(emulator)] == ["batch.failed"]
        with pytest.raises(InvalidArgumentError, match="a batch cannot require_action, only succeed, fail"):
            emulator.jobs.finish(start_batch(emulator), Outcome.REQUIRE_ACTION)


async def test_time_goes_on_while_the_emulator_is_stopped(tmp_path: Path) -> None:
    wall = Wall()
    async with Endpoint() as endpoint:
        async with emulating(tmp_path, wall=wall, speed=60) as emulator:
            register(emulator, endpoint.url)
            start_batch(emulator)
        wall.now += BATCH_TIME / 60
        async with emulating(tmp_path, wall=wall, speed=1) as emulator:
            await after(emulator, 0)
    assert len(endpoint.received) == 1


def test_a_folder_is_for_one_emulator(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(StoreError, match="another --home"):
        Store(tmp_path)
    store.close()
    Store(tmp_path).close()


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new" / "emulator.db").stat().st_mode & 0o077 == 0
    store.close()


SCENARIO = """\
jobs:
  - match: {kind: batch, display_name: "nightly-*", metadata: {priority: high}}
    duration: 2h
    outcome: fail
    error: {code: RESOURCE_EXHAUSTED, message: Quota.}
  - match: {kind: batch}
    duration: [1m, 3m]
    outcome: {succeed: 1, expire: 1}
"""


def test_the_first_rule_that_matches_decides(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO)
    scenario = load_scenario(path)
    nightly = plan(BATCH, scenario, {}, seed=1, number=1)
    assert (nightly.outcome, nightly.duration, nightly.failure.code) == (Outcome.FAIL, 7200, "RESOURCE_EXHAUSTED")

    other = BATCH.model_copy(update={"metadata": {}})
    plans = [plan(other, scenario, {}, seed=1, number=number) for number in range(100)]
    assert {each.outcome for each in plans} == {Outcome.SUCCEED, Outcome.EXPIRE}
    assert all(60 <= each.duration <= 180 for each in plans)
    assert plans == [plan(other, scenario, {}, seed=1, number=number) for number in range(100)]

    video = Subject(kind=JobKind.VIDEO, model="veo")
    assert plan(video, scenario, parse_weights("expire=1"), seed=1, number=1).outcome is Outcome.SUCCEED


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("jobs: [{match: {knd: batch}}]", r"jobs\.0\.match\.knd"),
        ("jobs: [{duration: soon}]", "'soon' is not a duration"),
        ("jobs: [{outcome: {fail: 0}}]", "at least one outcome needs a weight above 0"),
        ("jobs: [", "scenario.yaml"),
    ],
)
def test_a_wrong_scenario_says_where(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=complaint):
        load_scenario(path)


@pytest.mark.parametrize("text", ["explode=0.1", "fail=2", "fail=0.6,expire=0.6"])
def test_wrong_probabilities_of_outcomes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"probabilit|outcome"):
        parse_weights(text)
