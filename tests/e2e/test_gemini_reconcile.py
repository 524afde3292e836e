"""Events whose webhook never came, found through the API: by a person, and by the workers."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import aiohttp
import pytest

from hub.config.model import LogConfig
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.lease import lease
from hub.log.topics import Layout, Topics
from tests.fixtures.emulator_process import emulator_process, until
from tests.fixtures.gemini_account import BATCH, CREATE, ended_batch, environ
from tests.fixtures.ingress_process import ingress_process, stored_events
from tests.fixtures.rows import sqlite_rows
from tests.fixtures.webhooks import SECRET

pytestmark = pytest.mark.timeout(180)

PARTITIONS = 4
TYPES = ["batch.succeeded", "interaction.completed", "video.generated"]
ENDS = {"succeed": "batch.succeeded", "fail": "batch.failed", "cancel": "batch.cancelled", "expire": "batch.expired"}
LAPTOP = """\
version: 1
name: {hub}
log: {{partitions: 4}}
sources:
  gemini: {{type: gemini, base_url: "{api}"}}
"""
WORKING = """\
version: 1
name: {hub}
log: {{partitions: 4}}
sources:
  gemini:
    {{type: gemini, base_url: "{api}", secrets: ["{secret}"], reconcile: {{every: 1s}}}}
destinations:
  rows: {{type: database, url: "sqlite:///{rows}", table: events, key: delivery}}
routes:
  - {{id: by-id, to: rows}}
  - {{id: by-job, to: rows, once_per: [subject, type]}}
"""


def hub(kafka: KafkaConnection, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "hub", *arguments, "--config", str(folder / "hub.yaml")]
    return subprocess.run(command, env=environ(kafka, folder), capture_output=True, text=True, timeout=90, check=False)


@contextmanager
def worker(kafka: KafkaConnection, folder: Path) -> Iterator[None]:
    command = [sys.executable, "-P", "-m", "hub", "worker", "--config", str(folder / "hub.yaml")]
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, env=environ(kafka, folder), stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def test_an_api_key_alone_brings_every_ended_job_once(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    with emulator_process(tmp_path / "emulator") as emulator:
        (tmp_path / "hub.yaml").write_text(LAPTOP.format(hub=topics.hub, api=emulator.url))
        batches = {await ended_batch(emulator, outcome): outcome for outcome in ENDS}
        await emulator.ask(CREATE, BATCH)  # it runs
        # Nobody listens there; it is for the bodies that webhooks of such jobs have.
        await emulator.ask("/v1/webhooks", {"uri": "http://127.0.0.1:1/in/gemini", "subscribed_events": TYPES})
        interaction = await emulator.ask(
            "/v1/interactions",
            {
                "model": "gemini-3.6-flash",
                "background": True,
                "input": "hi",
                "webhook_config": {"uris": ["http://127.0.0.1:1/"], "user_metadata": {"team": "search"}},
            },
        )
        video = await emulator.ask(
            "/v1beta/models/veo-3.1-generate-preview:predictLongRunning", {"instances": [{"prompt": "a"}]}
        )
        for job in (interaction["id"], video["name"]):
            await emulator.ask("/emulator/jobs/finish", {"job": job, "outcome": "succeed"})
        named = ("--job", interaction["id"], "--job", video["name"])

        tried = await asyncio.to_thread(hub, kafka, tmp_path, "gemini", "reconcile", "--dry-run", *named)
        assert (tried.returncode, tried.stdout.count("missing  ")) == (0, 6), tried
        assert await stored_events(kafka, topics, PARTITIONS) == []
        added = await asyncio.to_thread(hub, kafka, tmp_path, "gemini", "reconcile", *named)
        assert (added.returncode, added.stdout.count("added  ")) == (0, 6), added
        again = await asyncio.to_thread(hub, kafka, tmp_path, "gemini", "reconcile", *named)
        assert again.stdout == "6 jobs have ended; 0 had no event\n", again

        events = {event.subject: event for event in await stored_events(kafka, topics, PARTITIONS)}
        sent = (await emulator.ask("/emulator/deliveries"))["deliveries"]
    told = {delivery["job"]: json.loads(delivery["body"]) for delivery in sent}
    for name, outcome in batches.items():
        assert events[name.removeprefix("batches/")].type == ENDS[outcome]
    assert {event.verified["scheme"] for event in events.values()} == {"reconciled"}
    for job in (interaction["id"], video["name"]):
        event = events[job.rpartition("/")[2]]
        assert {**json.loads(event.body), "timestamp": told[job]["timestamp"]} == told[job]
        assert event.metadata == told[job].get("user_metadata", {})


async def test_a_late_webhook_and_what_a_worker_added_are_one_delivery_where_a_route_asks_for_that(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.db"

    def delivered() -> Counter[tuple[str, str]]:
        """Rows by route and subject."""
        try:
            return Counter(sqlite_rows(rows, "select route, subject from events"))
        except sqlite3.OperationalError:  # there is no table yet, or it is being written
            return Counter()

    with emulator_process(tmp_path / "emulator") as emulator:
        await emulator.ask("/v1/webhooks", {"uri": "http://127.0.0.1:1/in/gemini", "subscribed_events": TYPES})
        jobs = {(await ended_batch(emulator)).removeprefix("batches/") for _ in range(5)}
        text = WORKING.format(hub=topics.hub, api=emulator.url, secret=SECRET, rows=rows)
        (tmp_path / "hub.yaml").write_text(text)
        with (
            worker(kafka, tmp_path),
            worker(kafka, tmp_path),
            ingress_process(kafka.bootstrap, topics, tmp_path, configuration=escaped(text)) as ingress,
        ):
            await until(lambda: len(delivered()) == 2 * len(jobs), 60)
            assert set(delivered().values()) == {1}
            await ingress.until_ready()
            async with aiohttp.ClientSession() as session:
                for late in (await emulator.ask("/emulator/deliveries"))["deliveries"]:
                    assert await ingress.post(session, late["message_id"], late["body"], "gemini") == 202
            await until(lambda: sum(delivered().values()) == 3 * len(jobs), 60)
            # What came after them has been delivered: so would have been a second one by `by-job`.
            async with aiohttp.ClientSession() as session:
                last = '{"type":"batch.succeeded","data":{"id":"last"}}'
                await ingress.post(session, "last", last, "gemini")
            await until(lambda: delivered()["by-job", "last"] == 1, 60)
    counts = delivered()
    assert {counts["by-id", job] for job in jobs} == {2}
    assert {counts["by-job", job] for job in jobs} == {1}


async def test_of_many_that_want_the_lease_one_has_it_and_another_takes_over(
    kafka: KafkaConnection, topics: Topics
) -> None:
    await asyncio.to_thread(LogAdmin(kafka, Layout(topics, LogConfig(partitions=PARTITIONS), ())).ensure)

    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(lease(kafka, topics.group("reconcile"), topics.events))
        await asyncio.wait_for(first.until_held(), 30)
        async with lease(kafka, topics.group("reconcile"), topics.events) as second:
            async with asyncio.timeout(30):
                while first.held == second.held:  # noqa: ASYNC110  (Kafka decides)
                    await asyncio.sleep(0.05)
            if first.held:
                await stack.aclose()
                await asyncio.wait_for(second.until_held(), 30)
        if not second.held:
            await asyncio.wait_for(first.until_held(), 30)


def escaped(text: str) -> str:
    """What `format` makes this text of."""
    return text.replace("{", "{{").replace("}", "}}")
