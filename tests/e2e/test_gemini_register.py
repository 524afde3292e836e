"""``hub gemini register`` and the others, with the real client, the emulated API and a running ingress."""

import asyncio
import stat
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.sources.gemini import GeminiSource
from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from tests.fixtures.api_proxy import api_proxy
from tests.fixtures.emulator_process import until
from tests.fixtures.gemini_account import Registering, parsed, registering

pytestmark = pytest.mark.timeout(240)


async def test_registering_needs_no_restart_and_is_safe_to_repeat(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    async with registering(kafka, topics, tmp_path) as hub:
        said = await hub.hub("register")
        assert said.code == 0, said
        [webhook] = await hub.webhooks()
        assert webhook["uri"] == f"{hub.ingress.url}/in/gemini"
        [kept] = hub.secrets()
        assert kept.registration == webhook["id"]
        assert kept.secret.get_secret_value() not in said.out + said.err + hub.ingress.log.read_text()
        assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(kept.path.parent.stat().st_mode) == 0o700
        job = await hub.batch()
        events = {event.type: event for event in await hub.events()}
        assert events["batch.succeeded"].subject == job.removeprefix("batches/")

        again = await hub.hub("register", "--events", "batch.failed")
        assert again.code == 0, again
        [updated] = await hub.webhooks()
        assert (updated["id"], updated["subscribed_events"]) == (webhook["id"], ["batch.failed"])
        assert hub.secrets() == [kept]

        listed = await hub.hub("list", "--json")
        assert listed.code == 0, listed
        shown = parsed(listed)
        assert [each["ours"] for each in shown["webhooks"]] == [True]
        [secret] = shown["secrets"]
        assert secret["key"] == events["batch.succeeded"].verified["key"]
        assert secret["last_use"] is not None

        status = await hub.hub("status", "--json", group="")
        [known] = parsed(status)["standing"]["secrets"]
        assert (known["source"], known["key"], known["used"]) == ("gemini", secret["key"], secret["last_use"])
        assert datetime.fromisoformat(known["since"]) == kept.created
        assert secret["key"] in (await hub.hub("status", group="")).out

        removed = await hub.hub("remove", "--yes")
        assert removed.code == 0, removed
        assert await hub.webhooks() == []
        [ending] = hub.secrets()
        assert ending.expires is not None


async def test_a_secret_lost_by_kill_9_at_register_or_rotate_is_replaced_by_the_same_command(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    async with registering(kafka, topics, tmp_path) as hub:
        await _kill_after(hub, "register", "/webhooks")
        [webhook] = await hub.webhooks()
        assert hub.secrets() == []
        repaired = await hub.hub("register")
        assert repaired.code == 0, repaired
        assert [each["id"] for each in await hub.webhooks()] == [webhook["id"]]
        [first] = hub.secrets()

        await _kill_after(hub, "rotate", ":rotateSigningSecret")
        assert hub.secrets() == [first]
        listed = await hub.hub("list")
        assert listed.code == 1
        assert "is not kept" in listed.err
        assert (await hub.hub("ping")).code == 0  # the earlier secret signs, too
        rotated = await hub.hub("rotate")
        assert rotated.code == 0, rotated
        assert [each.expires is None for each in hub.secrets()] == [False, True]
        assert (await hub.hub("list")).code == 0


async def test_two_rotations_under_load_refuse_no_event(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> None:
    async with registering(kafka, topics, tmp_path) as hub:
        assert (await hub.hub("register")).code == 0
        before = len(await _attempts(hub))
        jobs: list[str] = []
        stop = asyncio.Event()

        async def load() -> None:
            while not stop.is_set():
                jobs.append(await hub.batch())

        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(load())
            for _ in range(2):
                rotated = await hub.hub("rotate")
                assert rotated.code == 0, rotated
                goal = len(jobs) + 50
                await until(lambda goal=goal: len(jobs) >= goal)  # type: ignore[misc]  # mypy infers no default of a lambda
            stop.set()
        newest = GeminiSource.thumbprint(hub.secrets()[-1].secret)
        while newest not in {event.verified["key"] for event in await hub.events()}:
            jobs.append(await hub.batch())
        attempts = (await _attempts(hub))[before:]
        assert len(attempts) >= len(jobs) >= 100
        assert [each for each in attempts if each.get("status") != 202] == []
        # A day later the first secrets sign no longer.
        await hub.emulator.ask("/emulator/clock", {"advance": "25h"})
        jobs.append(await hub.batch())
        assert (await _attempts(hub))[-1].get("status") == 202
        events = await hub.events()
    assert {event.subject for event in events} >= {job.removeprefix("batches/") for job in jobs}


async def test_a_create_that_was_made_twice_is_found_and_told(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    async with registering(kafka, topics, tmp_path) as hub, api_proxy(hub.emulator.url, twice="/webhooks") as proxy:
        said = await hub.hub("register", "--timeout", "20", api=proxy.url)
        assert said.code == 0, said
        ids = {each["id"] for each in await hub.webhooks()}
        [kept] = hub.secrets()
        [other] = ids - {kept.registration}
        assert f"remove gemini --id {other}" in said.err
        assert (await hub.hub("remove", "--yes", "--id", other)).code == 0
        assert [each["id"] for each in await hub.webhooks()] == [kept.registration]
        assert [each.expires for each in hub.secrets()] == [None]


async def test_nothing_is_registered_where_public_url_leads_to_no_hub(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    async with registering(kafka, topics, tmp_path) as hub:
        elsewhere = await hub.hub("register", public_url=hub.emulator.url)
        assert elsewhere.code == 1
        assert "not as a hub does" in elsewhere.err
        gone = await hub.hub("register", public_url="http://127.0.0.1:1")
        assert gone.code == 1
        assert "cannot be reached" in gone.err
        assert await hub.webhooks() == []


async def _attempts(hub: Registering) -> list[dict[str, Any]]:
    """Every attempt at a delivery, the oldest delivery's first."""
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        page = await hub.emulator.ask(f"/emulator/deliveries?pageToken={token}")
        found += page["deliveries"]
        token = page.get("nextPageToken", "")
        if not token:
            return [attempt for delivery in reversed(found) for attempt in delivery.get("attempts", ())]


async def _kill_after(hub: Registering, command: str, path: str) -> None:
    """Kill it once the API has done what it asked for, and before it has heard of that."""
    async with api_proxy(hub.emulator.url, hold=path) as proxy:
        process = hub.start(command, api=proxy.url)
        await asyncio.wait_for(proxy.held.wait(), 60)
        process.kill()
        await asyncio.to_thread(process.communicate)
