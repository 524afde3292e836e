"""``enrich: gemini-result`` from end to end: what events point at, at every destination, whatever happens meanwhile."""

import asyncio
import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from google import genai
from google.genai import types

from hub.config.load import load
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.records import encode_event, partition_for
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from schemas.event import Event
from schemas.outcome import OutcomeState
from tests.chaos.hub_under_test import HubUnderTest
from tests.fixtures.emulator_process import emulator_process, until
from tests.fixtures.endpoint import Endpoint, Received, answers, begins
from tests.fixtures.gemini_account import environ
from tests.fixtures.rows import sqlite_rows

pytestmark = pytest.mark.timeout(180)

PARTITIONS = 4
PROMPTS = {"a": "one", "b": "two", "c": "three"}
BATCHES = """\
version: 1
name: {hub}
log: {{partitions: 4}}
sources:
  gemini: {{type: gemini, base_url: "{api}", reconcile: {{every: 1s}}}}
destinations:
  answers: {{type: database, url: "sqlite:///{folder}/rows.db", table: answers, rows: result}}
  seen: {{type: http, url: "{http}", body: {{sha256: "{{{{ result_file.sha256 }}}}", n: "{{{{ result | length }}}}"}}}}
  files: {{type: object, url: "file://{folder}/files", path: "{{subject}}"}}
routes:
  - id: results
    when: {{source: [gemini], type: [batch.succeeded]}}
    enrich: gemini-result
    to: [answers, seen, files]
"""
ONE = """\
version: 1
name: {hub}
log: {{partitions: 4}}
retry: {{delays: [100ms]}}
enrichments: {{max_result: 1kB, max_inline: 500B}}
sources:
  gemini: {{type: gemini, base_url: "{api}", secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}}
destinations:
  seen: {{type: http, url: "{http}", body: {{text: "{{{{ result.text }}}}", uri: "{{{{ result_file.uri }}}}"}}}}
routes:
  - {{id: results, when: {{source: [gemini]}}, enrich: gemini-result, to: seen, retry: {{backoff: 100ms}}}}
"""


def configure(folder: Path, text: str, topics: Topics, api: str, http: str) -> None:
    (folder / "hub.yaml").write_text(text.format(hub=topics.hub, api=api, http=http, folder=folder))


@contextmanager
def worker(kafka: KafkaConnection, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Killed at the end, as by the machine."""
    command = [sys.executable, "-P", "-m", "hub", "worker", "--config", str(folder / "hub.yaml")]
    environment = {**environ(kafka, folder), "HUB_ALLOW_PRIVATE": "1"}
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def hub(kafka: KafkaConnection, folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-P", "-m", "hub", *arguments, "--config", str(folder / "hub.yaml")]
    process = await asyncio.create_subprocess_exec(
        *command, env=environ(kafka, folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, out.decode()
    return out.decode()


def fetched(folder: Path) -> list[str]:
    """The events whose results were fetched, once for each time."""
    lines = [orjson.loads(line) for line in (folder / "worker.log").read_bytes().splitlines() if line[:1] == b"{"]
    return [line["event"] for line in lines if line["message"] == "result fetched"]


def submit(api: str, folder: Path) -> tuple[str, str]:
    """A batch of a file with PROMPTS; its name, and that of the file with its results."""
    requests = folder / "requests.jsonl"
    lines = [{"key": key, "request": {"contents": [{"parts": [{"text": text}]}]}} for key, text in PROMPTS.items()]
    requests.write_bytes(b"\n".join(orjson.dumps(line) for line in lines))
    client = genai.Client(api_key="test", http_options=types.HttpOptions(base_url=api))
    file = client.files.upload(file=requests, config=types.UploadFileConfig(mime_type="application/jsonl"))
    assert file.name
    job = client.batches.create(model="gemini-2.5-flash", src=file.name)
    assert job.name
    return job.name, file.name


async def dead(kafka: KafkaConnection, topics: Topics, folder: Path) -> dict[str, str]:
    """Job → reason, of what went to ``seen``."""
    outcomes = await HubUnderTest(kafka, topics.hub, folder, {}).outcomes("seen")
    died = [outcome for outcome in outcomes if outcome.state is OutcomeState.DEAD]
    return {outcome.delivery.partition("~")[0].rpartition("_")[2]: outcome.error or "" for outcome in died}


async def append(kafka: KafkaConnection, topics: Topics, kind: str, job: str, **data: Any) -> str:
    """An event as a webhook would have brought it; its id."""
    body = orjson.dumps({"type": kind, "data": {"id": job, **data}})
    digest, now = hashlib.sha256(body).hexdigest(), datetime.now(UTC)
    event = Event("gemini", f"msg_{job}", kind, now, digest, body, subject=job.rpartition("/")[2])
    writer = LogWriter(kafka, max_pending_records=9, max_pending_bytes=99_999, max_record_bytes=99_999)
    await writer.start()
    await writer.append_all(topics.events, partition_for(event.partition_key, PARTITIONS), [encode_event(event)])
    await writer.stop()
    return event.id


def rows(folder: Path) -> list[tuple[Any, ...]]:
    try:
        return sqlite_rows(folder / "rows.db", "SELECT line, key, response, error, id FROM answers ORDER BY id, line")
    except sqlite3.OperationalError:  # there is no table yet
        return []


async def test_batch_results_become_rows_and_a_replay_reads_them_when_the_sender_has_deleted_them(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    with emulator_process(tmp_path / "emulator") as emulator:
        job, _ = await asyncio.to_thread(submit, emulator.url, tmp_path)
        await emulator.ask("/emulator/jobs/finish", {"job": job, "outcome": "succeed"})
        output = (await emulator.ask(f"/v1/{job}"))["metadata"]["output"]["responsesFile"]
        async with Endpoint() as endpoint:
            configure(tmp_path, BATCHES, topics, emulator.url, endpoint.url)
            with worker(kafka, tmp_path):
                await until(
                    lambda: (
                        len(rows(tmp_path)) == 3 and endpoint.received and any((tmp_path / "files").glob("*.jsonl"))
                    ),
                    60,
                )
                before = rows(tmp_path)
                await emulator.ask(f"/v1/{output}", method="DELETE")
                (tmp_path / "rows.db").unlink()
                for each in ("rows.db-wal", "rows.db-shm"):
                    (tmp_path / each).unlink(missing_ok=True)
            with worker(kafka, tmp_path):
                await hub(
                    kafka, tmp_path, "replay", "--route", "results", "--since", "1h", "--notify", "--yes", "--wait"
                )
            assert rows(tmp_path) == before
    assert [(row[0], row[1], row[3]) for row in before] == [(1, "a", None), (2, "b", None), (3, "c", None)]
    assert all(orjson.loads(row[2])["candidates"] for row in before)
    assert fetched(tmp_path) == [before[0][4]], "three destinations and a replay need it fetched once"
    told = [orjson.loads(request.body) for request in endpoint.received]
    assert len(told) == 2
    assert told[0] == told[1]
    assert told[0]["n"] == "3"
    [kept] = (tmp_path / "home" / "enrichments").rglob("*.jsonl")
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == told[0]["sha256"]
    assert (tmp_path / "files" / f"{job.removeprefix('batches/')}.jsonl").read_bytes() == kept.read_bytes()
    assert await dead(kafka, topics, tmp_path) == {}


async def test_what_was_kept_before_a_kill_is_read_after_it_and_what_was_not_is_fetched_again(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    arrived = asyncio.Event()

    async def never(_: Received, __: asyncio.StreamWriter) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async with Endpoint() as api, Endpoint() as endpoint:
        configure(tmp_path, ONE, topics, f"http://127.0.0.1:{api.port}", endpoint.url)
        await asyncio.to_thread(LogAdmin(kafka, load(tmp_path / "hub.yaml", {}).layout).ensure)
        await append(kafka, topics, "interaction.completed", "v1_1")
        api.scripts += [never, answers(200, body=b'{"text": "first"}')]
        api.otherwise = answers(200, body=b'{"text": "later"}')
        with worker(kafka, tmp_path):
            await asyncio.wait_for(arrived.wait(), 60)
        assert not list((tmp_path / "home" / "enrichments").rglob("kept.json"))
        arrived.clear()
        endpoint.scripts.append(never)
        with worker(kafka, tmp_path):
            await asyncio.wait_for(arrived.wait(), 60)
        with worker(kafka, tmp_path):
            await until(lambda: len(endpoint.received) == 2, 60)
    assert [orjson.loads(request.body)["text"] for request in endpoint.received] == ["first", "first"]
    assert len(api.received) == 2, "the one that was killed, and the one that was kept"


async def test_each_failure_of_a_fetch_has_its_end_and_none_stops_the_others(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    """By turns: gone, too large, larger than what templates see, failing twice, nothing to fetch, another host."""
    responses = {
        "gone": [answers(404)],
        "large": [answers(200, body=b"x" * 1001)],
        "claim": [answers(200, body=b'{"text": "%s"}' % (b"x" * 600))],
        "flaky": [answers(500), begins(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", _break_off)],
        "evil": [answers(404)],
    }

    async def script(request: Received, writer: asyncio.StreamWriter) -> None:
        job = next((job for job in responses if job in request.target), "")
        left = responses.get(job, [])
        await (left.pop(0) if left else answers(200, body=b'{"text": "fine"}'))(request, writer)

    async with Endpoint(otherwise=script) as api, Endpoint() as endpoint, Endpoint() as evil:
        configure(tmp_path, ONE, topics, f"http://127.0.0.1:{api.port}", endpoint.url)
        await asyncio.to_thread(LogAdmin(kafka, load(tmp_path / "hub.yaml", {}).layout).ensure)
        for job in ("gone", "large", "claim", "flaky"):
            await append(kafka, topics, "interaction.completed", job)
        await append(kafka, topics, "batch.failed", "failed")
        await append(kafka, topics, "batch.succeeded", "evil", output_file_uri=f"{evil.url}/files/evil")
        with worker(kafka, tmp_path):
            await until(lambda: len(endpoint.received) == 3, 60)
            died: dict[str, str] = {}
            async with asyncio.timeout(60):
                while len(died) < 3:
                    died = await dead(kafka, topics, tmp_path)
    assert set(died) == {"gone", "large", "evil"}
    for job, reason in {"gone": "gone at the sender", "large": "max_result", "evil": "gone at the sender"}.items():
        assert reason in died[job]
    assert evil.received == []
    told = sorted((orjson.loads(request.body) for request in endpoint.received), key=lambda body: str(body["text"]))
    assert [body["text"] for body in told] == ["", "", "fine"]
    kept = {Path(body["uri"].removeprefix("file://")) for body in told if body["uri"]}
    assert {file.stat().st_size for file in kept} == {612, 16}


async def _break_off(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
