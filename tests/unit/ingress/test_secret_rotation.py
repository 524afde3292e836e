"""A source's secrets change while requests come in: none is refused that is signed with a secret of either side."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.types import Message

from connectors.sources.standard_webhooks import StandardWebhooksSource
from hub.config import secret_watch
from hub.config.file_secrets import Contents, FileSecrets
from hub.config.model import SourceEntry, Where
from hub.ingress.app import create_app
from hub.ingress.event_log import EventLog
from hub.ingress.inlets import Inlets
from hub.ingress.limits import DEFAULT
from tests.fixtures.ingress import (
    NOW,
    PARTITIONS,
    Ingress,
    MemoryWriter,
    nothing_to_prepare,
    scope,
    source_context,
    until,
)
from tests.fixtures.webhooks import OTHER_SECRET, SECRET, signed_headers

BODY = '{"type":"order.paid"}'


class Watched(StandardWebhooksSource):
    """Writes down what is done to its instances, by their first secret; opens only with a good one."""

    done: list[str]

    @property
    def _secret(self) -> str:
        return self.config.secrets[0].get_secret_value()

    async def open(self) -> None:
        self.done.append(f"open {self._secret}")
        if self._secret == OTHER_SECRET and "deny" in self.done:
            self.done.remove("deny")
            raise RuntimeError("it cannot reach its key server")

    async def close(self) -> None:
        self.done.append(f"close {self._secret}")
        raise RuntimeError("it must not raise, and does")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return path


@asynccontextmanager
async def ingress(secret: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ingress]:
    """One source, ``shop``, whose secret is in a file."""
    monkeypatch.setattr(secret_watch, "EVERY", 0.01)
    monkeypatch.setattr(Watched, "done", [], raising=False)
    model = StandardWebhooksSource.config_model

    def options(contents: Contents) -> object:
        return model.model_validate({"secrets": [SecretStr(contents[secret])]})

    files = FileSecrets({secret: SECRET}, options)
    entry = SourceEntry("shop", Watched, options(files.contents), Where("hub.yaml", 1), files)  # type: ignore[arg-type]  # the model is the source's
    writer = MemoryWriter()
    log = EventLog(writer, topic="hub.events", partitions=PARTITIONS, prepare=nothing_to_prepare)
    inlets = Inlets({"shop": entry}, source_context, DEFAULT.max_stored_headers)
    app: Starlette = create_app(inlets, log, clock=lambda: NOW)
    async with app.router.lifespan_context(app):
        await until(lambda: log.state == "ready")
        yield Ingress(app, writer, log)


async def post(hub: Ingress, secret: str, event_id: str = "msg_1") -> int:
    headers = signed_headers(BODY, NOW, secret=secret, event_id=event_id)
    return (await hub.request("/in/shop", headers.items(), [BODY.encode()])).status


async def test_the_next_request_is_verified_with_the_new_secret(
    secret: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with ingress(secret, monkeypatch) as hub:
        assert (await post(hub, SECRET), await post(hub, OTHER_SECRET)) == (202, 401)
        secret.write_text(OTHER_SECRET)
        await until(lambda: f"close {SECRET}" in Watched.done)
        assert (await post(hub, SECRET), await post(hub, OTHER_SECRET)) == (401, 202)
    assert Watched.done == [f"{what}" for what in (
        f"open {SECRET}", f"open {OTHER_SECRET}", f"close {SECRET}", f"close {OTHER_SECRET}",
    )]  # fmt: skip
    (line,) = [vars(each) for each in caplog.records if "secret changed" in each.message]
    assert (line["source"], line["file"]) == ("shop", str(secret))
    assert OTHER_SECRET not in caplog.text


async def test_a_request_that_is_looked_at_ends_with_the_secret_it_began_with(
    secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, go_on = asyncio.Event(), asyncio.Event()
    verify = Watched.verify

    async def slow(self: Watched, request: object, now: object) -> object:
        looking.set()
        await go_on.wait()
        return await verify(self, request, now)  # type: ignore[arg-type]  # what came in goes on

    async with ingress(secret, monkeypatch) as hub:
        monkeypatch.setattr(Watched, "verify", slow)
        posting = asyncio.create_task(post(hub, SECRET))
        await looking.wait()
        secret.write_text(OTHER_SECRET)
        await until(lambda: f"open {OTHER_SECRET}" in Watched.done)
        assert f"close {SECRET}" not in Watched.done
        go_on.set()
        assert await posting == 202
        await until(lambda: f"close {SECRET}" in Watched.done)


async def test_a_request_whose_body_came_while_the_secret_changed_is_verified_with_the_new_one(
    secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ingress(secret, monkeypatch) as hub:
        sent: list[Message] = []
        asked, rest = asyncio.Event(), asyncio.Event()
        chunks = [BODY[:5].encode(), BODY[5:].encode()]

        async def receive() -> Message:
            if len(chunks) == 1:
                asked.set()
                await rest.wait()
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message: Message) -> None:
            sent.append(message)

        headers = signed_headers(BODY, NOW, secret=OTHER_SECRET)
        request = asyncio.create_task(hub.app(scope("/in/shop", headers.items(), "POST"), receive, send))
        await asked.wait()
        secret.write_text(OTHER_SECRET)
        await until(lambda: f"close {SECRET}" in Watched.done)
        rest.set()
        await request
        assert sent[0]["status"] == 202


async def test_a_source_that_does_not_open_with_its_new_secret_is_tried_again_and_the_old_one_serves(
    secret: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with ingress(secret, monkeypatch) as hub:
        Watched.done.append("deny")
        secret.write_text(OTHER_SECRET)
        await until(lambda: "source cannot be opened with its new secret" in caplog.text)
        assert await post(hub, SECRET) == 202
        await until(lambda: f"close {SECRET}" in Watched.done)
        assert await post(hub, OTHER_SECRET) == 202
