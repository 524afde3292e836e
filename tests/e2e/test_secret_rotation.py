"""Secrets in files change while the hub runs, on real Kafka: nothing is refused, lost or repeated by that."""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import orjson
import psycopg
import pytest
from aiohttp import web
from pydantic import Field
from standardwebhooks import Webhook, WebhookVerificationError

from connectors.api import Collection, DestinationDownError, Span
from hub.config import secret_watch
from hub.config.file_secrets import FileSecrets
from hub.config.load import load
from hub.config.model import BatchConfig, Configuration
from hub.config.settings import Settings
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from hub.processors.worker import run_worker
from schemas.outcome import OutcomeState
from tests.chaos.connectors import LedgerConfig, LedgerPages, Pages, pages_folder
from tests.chaos.hub_under_test import PARTITIONS, HubUnderTest, superseded
from tests.fixtures.ingress import until
from tests.fixtures.ingress_process import ingress_process, stored_events
from tests.fixtures.rows import postgres_rows
from tests.fixtures.s3 import S3Server
from tests.fixtures.webhooks import OTHER_SECRET, SECRET, signed_headers

pytestmark = pytest.mark.timeout(120)


class Volume:
    """A folder of secrets as Kubernetes mounts it: all of them change at once, by another target of ``..data``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._version = 0
        folder.mkdir()

    def write(self, **contents: str) -> None:
        self._version += 1
        target = self._folder / f"..{self._version}"
        target.mkdir()
        for name, text in contents.items():
            (target / name).write_text(text)
            if not (self._folder / name).is_symlink():
                (self._folder / name).symlink_to(f"..data/{name}")
        (self._folder / "..data_tmp").symlink_to(target.name)
        (self._folder / "..data_tmp").replace(self._folder / "..data")


INGRESS = """\
version: 1
name: {hub}
log: {{partitions: {partitions}}}
sources:
  shop: {{type: standard_webhooks, secrets: [{{file: mounted/current}}, {{file: mounted/next}}]}}
"""


async def test_a_rotation_from_old_to_both_to_new_refuses_no_request_under_load(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    volume = Volume(tmp_path / "mounted")
    volume.write(current=SECRET, next="")
    used = [SECRET]  # by the senders
    answers: dict[str, int] = {}
    stop = asyncio.Event()

    async def post(session: aiohttp.ClientSession, url: str, event_id: str, secret: str) -> int:
        body = '{"type":"order.paid"}'
        headers = signed_headers(body, datetime.now(UTC), secret=secret, event_id=event_id)
        async with session.post(f"{url}/in/shop", data=body.encode(), headers=headers) as answer:
            return answer.status

    async def send(session: aiohttp.ClientSession, url: str) -> None:
        while not stop.is_set():
            event_id = f"msg_{secrets.token_hex(8)}"
            answers[event_id] = await post(session, url, event_id, used[len(answers) % len(used)])

    async def more(count: int) -> None:
        goal = len(answers) + count
        await until(lambda: len(answers) >= goal)

    async def until_answered(session: aiohttp.ClientSession, url: str, secret: str, status: int) -> None:
        async with asyncio.timeout(15):
            while await post(session, url, "probe", secret) != status:  # noqa: ASYNC110  (another process decides)
                await asyncio.sleep(0.05)

    with ingress_process(kafka.bootstrap, topics, tmp_path, configuration=INGRESS) as ingress:
        await ingress.until_ready()
        url = ingress.url
        async with aiohttp.ClientSession() as session, asyncio.timeout(60), asyncio.TaskGroup() as senders:
            for _ in range(8):
                senders.create_task(send(session, url))
            await more(200)
            assert await post(session, url, "too-early", OTHER_SECRET) == 401
            volume.write(current=SECRET, next=OTHER_SECRET)
            await until_answered(session, url, OTHER_SECRET, 202)
            used.append(OTHER_SECRET)
            await more(200)
            used.remove(SECRET)
            await more(100)  # nobody sends with the old one any more
            volume.write(current=OTHER_SECRET, next=OTHER_SECRET)
            await until_answered(session, url, SECRET, 401)
            await more(100)
            stop.set()
        changes = [line for line in ingress.lines() if str(line["message"]).startswith("secret changed")]
        assert [line["source"] for line in changes] == ["shop", "shop"]
        assert not any(secret in ingress.log.read_text() for secret in (SECRET, OTHER_SECRET))
        assert ingress.stop() == 0
    assert Counter(answers.values()) == {202: len(answers)}
    stored = {event.id for event in await stored_events(kafka, topics)}
    assert stored == {*answers, "probe"}


# -- workers


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what runs in this process."""
    monkeypatch.setattr(secret_watch, "EVERY", 0.1)


@asynccontextmanager
async def working(hub: HubUnderTest, configuration: Configuration) -> AsyncIterator[None]:
    LogAdmin(hub.kafka, configuration.layout).ensure()
    stop = asyncio.Event()
    settings = Settings(home=hub.home, allow_private=True)
    worker = asyncio.create_task(run_worker(configuration, hub.kafka, settings, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await worker


@asynccontextmanager
async def load_of(hub: HubUnderTest) -> AsyncIterator[list[str]]:
    """Events come in all the time; yields their ids."""
    ids: list[str] = []
    stop = asyncio.Event()

    async def produce() -> None:
        while not stop.is_set():
            ids.extend(await hub.produce([{"n": n} for n in range(20)]))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.05)

    producing = asyncio.create_task(produce())
    try:
        yield ids
    finally:
        stop.set()
        await producing


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


# -- destinations that collect


class GuardedConfig(LedgerConfig):
    key: str = Field(description="The key the store asks for.")


class GuardedPages(Pages):
    def __init__(self, config: GuardedConfig, span: Span, accepted: set[str]) -> None:
        super().__init__(config, span)
        self._key = config.key
        self._accepted = accepted

    async def store(self) -> None:
        for call in (super().store(), None):
            if self._key not in self._accepted:
                if call is not None:
                    call.close()
                raise DestinationDownError("403, it said")  # before it stored anything, or the answer was lost
            if call is not None:
                await call


class GuardedStore(LedgerPages):
    """Stores with a key that may be revoked at any moment."""

    accepted: set[str]

    def collect(self, span: Span) -> Collection:
        assert isinstance(self.config, GuardedConfig)
        return GuardedPages(self.config, span, self.accepted)


async def test_a_store_whose_key_rotates_has_each_event_once(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ranges that are gathered or stored with a key that is no longer accepted begin again with the new one."""
    accepted = {"key-0"}
    monkeypatch.setattr(GuardedStore, "accepted", accepted, raising=False)
    size = BatchConfig(max_records=20, max_wait=timedelta(milliseconds=200))
    hub = HubUnderTest(kafka, topics.hub, tmp_path, {"out": ("ledger-pages", 0.01)}, batch=size)
    key = tmp_path / "key"
    key.write_text("key-0")

    def options(contents: Mapping[Path, str]) -> GuardedConfig:
        return GuardedConfig(effects=hub.effects_file("out"), seconds=0.01, key=contents[key])

    files = FileSecrets({key: "key-0"}, options)
    configuration = hub.configuration()
    entry = replace(
        configuration.destinations["out"],
        connector=GuardedStore,
        config=options(files.contents),
        file_secrets=files,
    )
    configuration = replace(configuration, destinations={"out": entry})

    def copies() -> Counter[str]:
        folder = pages_folder(hub.effects_file("out"))
        lines = [line for path in folder.glob("[!.]*") for line in path.read_text().splitlines()]
        found = Counter(line.split("~")[0] for line in lines)
        return Counter({event.removeprefix("test/"): n for event, n in found.items() if event.startswith("test/")})

    async def more_objects() -> None:
        goal = len(copies()) + 200
        await until(lambda: len(copies()) > goal, 20)

    async with working(hub, configuration):
        async with load_of(hub) as ids:
            for number in range(1, 5):
                await more_objects()
                accepted.add(f"key-{number}")
                if number % 2:  # else what is being stored with the old one succeeds
                    accepted.remove(f"key-{number - 1}")
                key.write_text(f"key-{number}")
            await more_objects()
        await hub.until_ended("out", ids)
    assert set(copies()) == set(ids)
    assert set(copies().values()) == {1}
    assert await hub.read(hub.topics.dead_letters) == []


async def test_an_s3_server_whose_keys_change_has_each_event_once(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    """Both halves of the key at once: from then on the server knows only the new ones."""
    server = S3Server(tmp_path)
    server.start()
    try:
        bucket = server.create_bucket()
        volume = Volume(tmp_path / "mounted")
        volume.write(id=server.access_key, key=server.secret_key)
        (tmp_path / "hub.yaml").write_text(
            f"version: 1\nname: {topics.hub}\nlog: {{partitions: {PARTITIONS}}}\ndestinations:\n"
            f"  out: {{type: object_store, url: 's3://{bucket}', endpoint: '{server.endpoint}',"
            f" region: {server.region}, access_key_id: {{file: mounted/id}}, secret_access_key: {{file: mounted/key}},"
            " format: jsonl, batch: {max_records: 20, max_wait: 200ms}, retry: {backoff: 100ms}}\n"
            "routes:\n  - {id: all, to: out, when: {source: [test]}}\n"
        )
        hub = HubUnderTest(kafka, topics.hub, tmp_path, {})

        def copies() -> Counter[str]:
            return Counter(
                orjson.loads(line)["id"] for data in server.objects(bucket).values() for line in data.splitlines()
            )

        async with working(hub, load(tmp_path / "hub.yaml", {})):
            async with load_of(hub) as ids:
                await until(lambda: len(copies()) > 100, 20)
                server.kill()
                server.access_key, server.secret_key = "AKIANEW", "another-key-of-the-tests"
                server.start()
                before = len(copies())
                volume.write(id=server.access_key, key=server.secret_key)
                await until(lambda: len(copies()) > before + 100, 20)
            await hub.until_ended("out", ids)
        found = copies()
    finally:
        server.kill()
    assert found == Counter(ids)
    assert await hub.read(hub.topics.dead_letters) == []
