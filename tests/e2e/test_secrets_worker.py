"""A destination's secrets are in files that change under load: nothing is lost or repeated by that."""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from hub.config import secret_watch
from hub.config.load import load
from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from schemas.outcome import OutcomeState
from tests.chaos.hub_under_test import PARTITIONS, HubUnderTest, superseded
from tests.fixtures.ingress import until
from tests.fixtures.rotation import load_of, working
from tests.fixtures.rows import postgres_rows
from tests.fixtures.webhooks import OTHER_SECRET, SECRET

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what runs in this process."""
    monkeypatch.setattr(secret_watch, "EVERY", 0.1)


class Receiver:
    """Takes what is signed with the secret it knows, after a while; ``taken`` counts each id."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.taken: Counter[str] = Counter()
        self.refused = 0
        self.url = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post("/", self._take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/"
        try:
            yield
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.text()
        try:
            Webhook(self.secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            self.refused += 1
            return web.Response(status=401)
        await asyncio.sleep(0.02)
        self.taken[request.headers["webhook-id"]] += 1
        return web.Response(status=204)


async def nothing_was_lost_or_repeated(hub: HubUnderTest, ids: list[str]) -> None:
    outcomes = await hub.outcomes("out")
    assert {outcome.state for outcome in outcomes} == {OutcomeState.DELIVERED}
    assert {outcome.attempt for outcome in outcomes} == {1}
    assert superseded(outcomes) == 0
    assert len(outcomes) >= len(ids)
    assert await hub.read(hub.topics.dead_letters) == []


async def test_an_endpoint_whose_secret_rotates_gets_everything_once(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    hub = HubUnderTest(kafka, topics.hub, tmp_path, {})
    receiver = Receiver(SECRET)
    (tmp_path / "secret").write_text(SECRET)
    async with receiver.listening():
        (tmp_path / "hub.yaml").write_text(
            f"version: 1\nname: {topics.hub}\nlog: {{partitions: {PARTITIONS}}}\ndestinations:\n"
            f"  out: {{type: http, url: '{receiver.url}', secrets: [{{file: secret}}],"
            # Longer than `until` waits: what comes after the rotation does not wait for the next probe.
            " retry: {backoff: 12s, max_backoff: 12s}}\nroutes:\n  - {id: all, to: out, when: {source: [test]}}\n"
        )
        configuration = load(tmp_path / "hub.yaml", {})
        async with working(hub, configuration):
            async with load_of(hub) as ids:
                await until(lambda: len(receiver.taken) > 100)
                receiver.secret = OTHER_SECRET  # from now on it accepts only the new one
                await until(lambda: receiver.refused > 0)
                (tmp_path / "beside").write_text(OTHER_SECRET)
                (tmp_path / "beside").replace(tmp_path / "secret")
                before = len(receiver.taken)
                await until(lambda: len(receiver.taken) > before + 100)
            await hub.until_ended("out", ids)
    assert set(receiver.taken.values()) == {1}
    assert len(receiver.taken) == len(ids)
    await nothing_was_lost_or_repeated(hub, ids)
    assert OTHER_SECRET not in caplog.text
    assert "secret changed" in caplog.text


async def test_a_database_whose_password_changes_gets_everything_once(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path, postgres_database: str
) -> None:
    hub = HubUnderTest(kafka, topics.hub, tmp_path, {})
    role, old, new = f"writer_{secrets.token_hex(4)}", secrets.token_hex(8), secrets.token_hex(8)
    scheme, _, address = postgres_database.partition("://")
    url = f"{scheme}://{role}:{{}}@{address.partition('@')[2]}"

    def as_administrator(*statements: str) -> None:
        with psycopg.connect(postgres_database, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def rows() -> int:
        exists = postgres_rows(postgres_database, "SELECT to_regclass('events') IS NOT NULL")
        return postgres_rows(postgres_database, "SELECT count(*) FROM events")[0][0] if exists[0][0] else 0

    as_administrator(f"CREATE ROLE {role} LOGIN PASSWORD '{old}'", f"GRANT ALL ON SCHEMA public TO {role}")
    (tmp_path / "url").write_text(url.format(old))
    (tmp_path / "hub.yaml").write_text(
        f"version: 1\nname: {topics.hub}\nlog: {{partitions: {PARTITIONS}}}\ndestinations:\n"
        "  out: {type: database, url: {file: url}, retry: {backoff: 100ms}}\n"
        "routes:\n  - {id: all, to: out, when: {source: [test]}}\n"
    )
    configuration = load(tmp_path / "hub.yaml", {})
    try:
        async with working(hub, configuration):
            async with load_of(hub) as ids:
                await until(lambda: rows() > 100)
                as_administrator(
                    f"ALTER ROLE {role} PASSWORD '{new}'",
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'",
                )
                (tmp_path / "url").write_text(url.format(new))
                before = rows()
                await until(lambda: rows() > before + 100)
            await hub.until_ended("out", ids)
        assert rows() == len(ids)
        await nothing_was_lost_or_repeated(hub, ids)
    finally:
        as_administrator(f"DROP OWNED BY {role}", f"DROP ROLE {role}")
