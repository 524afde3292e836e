"""``hub emulate gemini`` as a process: it survives kill -9, ends when asked, refuses what Google refuses."""

import asyncio
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fixtures.emulator_process import EmulatorProcess, emulator_process, until
from tests.fixtures.endpoint import Endpoint, answers
from tests.fixtures.ports import free_port

CREATE = "/v1beta/models/gemini-2.5-flash:batchGenerateContent"
CONTENTS = {"contents": [{"parts": [{"text": "one"}]}]}


def batch(*uris: str) -> dict[str, Any]:
    requests = {"requests": {"requests": [{"request": CONTENTS}]}}
    return {"batch": {"inputConfig": requests, "webhookConfig": {"uris": uris}}}


async def test_a_due_webhook_is_sent_after_kill_9_and_an_announced_end_stays(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with Endpoint() as endpoint:
        endpoint.scripts.append(answers(500))
        with emulator_process(home) as first:
            job = await first.ask(CREATE, batch(endpoint.url))
            ended = await first.ask("/emulator/jobs/finish", {"job": job["name"], "outcome": "fail"})
            keys = await first.ask("/.well-known/jwks.json")
            assert len(endpoint.received) == 1
            first.kill()
        with emulator_process(home) as second:
            await second.ask("/emulator/clock", {"advance": "6s"})
            assert (await second.ask("/emulator/jobs"))["jobs"] == [ended]
            assert await second.ask("/.well-known/jwks.json") == keys
            [delivery] = (await second.ask("/emulator/deliveries"))["deliveries"]
    assert [each.header("webhook-id") for each in endpoint.received] == [delivery["message_id"]] * 2
    assert [attempt.get("status") for attempt in delivery["attempts"]] == [500, 204]


async def test_every_job_has_one_end_and_one_event_however_often_it_is_killed(tmp_path: Path) -> None:
    home, port, created = tmp_path / "home", free_port(), []
    options = ("--speed", "600", "--outcomes", "fail=0.3", "--seed", "5")

    async def submit(emulator: EmulatorProcess) -> None:
        with suppress(aiohttp.ClientError):
            while True:
                created.append((await emulator.ask(CREATE, batch(endpoint.url)))["name"])

    async with Endpoint() as endpoint:
        for run in range(1, 5):
            with emulator_process(home, *options, port=port) as emulator:
                work = asyncio.create_task(submit(emulator))
                await until(partial(_enough, endpoint, 40 * run))
                emulator.kill()
                await work
        with emulator_process(home, *options, port=port) as emulator:
            await emulator.ask("/emulator/clock", {"advance": "20m"})
            jobs: dict[str, str] = {}
            page = {"nextPageToken": ""}
            while "nextPageToken" in page:
                page = await emulator.ask(f"/emulator/jobs?pageToken={page['nextPageToken']}")
                jobs |= {job["name"]: job["outcome"] for job in page["jobs"]}
    events = defaultdict(set)
    for received in endpoint.received:
        body = json.loads(received.body)
        events[body["data"]["id"]].add((received.header("webhook-id"), body["type"]))
    assert set(created) <= set(jobs)
    assert set(events) == set(jobs)
    for name, outcome in jobs.items():
        [(_, kind)] = events[name]
        assert kind == {"succeed": "batch.succeeded", "fail": "batch.failed"}[outcome]
    assert {"succeed", "fail"} == set(jobs.values())


def test_sigterm_ends_it_cleanly_and_another_one_on_its_folder_or_port_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with emulator_process(home) as emulator:
        for options, complaint in (
            (["--home", str(home), "--port", "0"], "another --home"),
            (["--home", str(tmp_path / "other"), "--port", emulator.url.rpartition(":")[2]], "another with --port"),
        ):
            second = _run(*options)
            assert second[0] == 1
            assert complaint in second[1]
        assert emulator.stop() == 0


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    with emulator_process(tmp_path_factory.mktemp("gemini") / "home", "--api-key", "right") as process:
        yield process


@pytest.mark.parametrize(
    ("path", "body", "code", "status", "message"),
    [
        ("/v1/webhooks/none", None, 404, "NOT_FOUND", "Webhook none not found."),
        ("/v1/batches/none", None, 404, "NOT_FOUND", "batches/none"),
        ("/v1/interactions/none", None, 404, "NOT_FOUND", "none"),
        ("/v1beta/models/veo/operations/none", None, 404, "NOT_FOUND", "models/veo/operations/none"),
        ("/v1/files/none", None, 404, "NOT_FOUND", "files/none"),
        ("/v1/files/none:download?alt=media", None, 404, "NOT_FOUND", "files/none"),
        ("/v2/batches", None, 404, "NOT_FOUND", "/v2/batches"),
        (CREATE, b"{", 400, "INVALID_ARGUMENT", "not JSON"),
        (CREATE, [], 400, "INVALID_ARGUMENT", "not an object"),
        (CREATE, {"batch": {}}, 400, "INVALID_ARGUMENT", "batch.input_config"),
        (
            CREATE,
            {"batch": {"inputConfig": {"fileName": "files/x"}, "webhookConfig": {"uri": "x"}}},
            400,
            "INVALID_ARGUMENT",
            "Unknown name \"uri\" at 'batch.webhook_config': Cannot find field.",
        ),
        (CREATE, {"batch": {"inputConfig": {"fileName": "files/x"}}}, 404, "NOT_FOUND", "files/x"),
        (CREATE, {"batch": {"inputConfig": {}}}, 400, "INVALID_ARGUMENT", "Exactly one of"),
        (CREATE, batch("http://example.com/x"), 400, "INVALID_ARGUMENT", "batch.webhook_config.uris[0]"),
        (CREATE, batch("https://"), 400, "INVALID_ARGUMENT", "absolute https URI"),
        (CREATE, batch("https://[::1"), 400, "INVALID_ARGUMENT", "absolute https URI"),
        ("/v1/webhooks", {"subscribed_events": ["x"], "uri": "https://a.b"}, 400, "INVALID_ARGUMENT", "events[0]"),
        ("/v1/webhooks", {"subscribed_events": [], "uri": "https://a.b"}, 400, "INVALID_ARGUMENT", "subscribed_events"),
        ("/v1/webhooks?page_size=-1", None, 400, "INVALID_ARGUMENT", "page_size"),
        ("/v1/webhooks?page_token=x", None, 400, "INVALID_ARGUMENT", "Page token is invalid"),
        ("/v1/interactions", {"input": "x"}, 400, "INVALID_ARGUMENT", "`model` and `agent`"),
        ("/v1/interactions", {"model": "m", "input": "x", "inptu": 1}, 400, "INVALID_ARGUMENT", 'name "inptu": Cannot'),
        ("/v1/interactions", {"model": "m", "input": "x", "stream": True}, 501, "UNIMPLEMENTED", "stream"),
        ("/emulator/faults", {"faults": {"lsot": 1}}, 405, "UNIMPLEMENTED", "Method Not Allowed"),
        ("/emulator/clock", {"advance": "soon"}, 400, "INVALID_ARGUMENT", "'soon' is not a duration"),
    ],
)
async def test_what_is_wrong_is_refused_in_google_s_form(
    emulator: EmulatorProcess, path: str, body: Any, code: int, status: str, message: str
) -> None:
    error = (await emulator.ask(path, body, key="right"))["error"]
    assert (error["code"], error["status"]) == (code, status)
    assert message in error["message"]


async def test_a_caller_needs_a_key_and_the_right_one(emulator: EmulatorProcess) -> None:
    assert (await emulator.ask("/v1/batches", key=""))["error"]["status"] == "PERMISSION_DENIED"
    assert (await emulator.ask("/v1/batches", key="wrong"))["error"]["message"].startswith("API key not valid")
    assert await emulator.ask("/v1/batches?key=right", key="") == {}


async def test_names_of_the_guide_and_of_other_clients_work_too(emulator: EmulatorProcess) -> None:
    create = CREATE.replace(":batchGenerateContent", ":batchCreate")
    inline = {"inputConfig": {"requests": {"requests": [{"request": CONTENTS}]}}}
    for metadata in ("userMetadata", "user_metadata"):
        config = {"uris": ["https://example.com"], metadata: {"a": 1}}
        job = await emulator.ask(create, {"batch": {**inline, "webhookConfig": config}}, key="right")
        shown = (await emulator.ask("/emulator/jobs"))["jobs"][0]
        assert (shown["name"], shown["webhook"]["user_metadata"]) == (job["name"], {"a": 1})
    made = await emulator.ask(
        "/v1/webhooks", {"subscribedEvents": ["batch.succeeded"], "uri": "https://a.b"}, key="right"
    )
    rotated = await emulator.ask(f"/v1/webhooks/{made['id']}/rotate_secret", {}, key="right")
    assert rotated["secret"].startswith("whsec_")


async def test_faults_are_switched_and_keys_rotated_while_it_runs(emulator: EmulatorProcess) -> None:
    shown = await emulator.ask("/emulator/faults", {"faults": {"lost": 1}}, "PUT")
    assert shown["faults"] == {"lost": 1.0}
    wrong = await emulator.ask("/emulator/faults", {"faults": {"lsot": 1}}, "PUT")
    assert "did you mean lost?" in wrong["error"]["message"]
    async with Endpoint() as endpoint:
        job = await emulator.ask(CREATE, batch(endpoint.url), key="right")
        await emulator.ask("/emulator/jobs/finish", {"job": job["name"], "outcome": "succeed"})
        assert endpoint.received == []
    await emulator.ask("/emulator/faults", {"faults": {}}, "PUT")
    before = (await emulator.ask("/.well-known/jwks.json"))["keys"]
    rotated = await emulator.ask("/emulator/keys/rotate", {})
    after = (await emulator.ask("/.well-known/jwks.json"))["keys"]
    assert [key["kid"] for key in after] == [*(key["kid"] for key in before), rotated["kid"]]


def _enough(endpoint: Endpoint, count: int) -> bool:
    return len(endpoint.received) >= count


def _run(*options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "hub", "emulate", "gemini", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stderr
