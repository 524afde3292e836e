"""Sources come, change and go while requests come in: nothing is refused that any side would take."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from connectors.sources.standard_webhooks import StandardWebhooksSource
from hub.config.model import SourceEntry, Where
from hub.ingress import inlets as module
from hub.ingress.app import create_app
from hub.ingress.event_log import EventLog
from hub.ingress.inlets import Inlets
from hub.ingress.limits import DEFAULT
from tests.fixtures.ingress import NOW, PARTITIONS, Ingress, MemoryWriter, nothing_to_prepare, source_context, until
from tests.fixtures.webhooks import OTHER_SECRET, SECRET, signed_headers

BODY = '{"type":"order.paid"}'


class Opened(StandardWebhooksSource):
    """Writes down what becomes of its instances, by their secret."""

    done: list[str]
    refuses: str | None
    hangs = False

    @property
    def _secret(self) -> str:
        return self.config.secrets[0].get_secret_value()

    async def open(self) -> None:
        if type(self).hangs:
            await asyncio.Event().wait()
        if self._secret == type(self).refuses:
            raise RuntimeError("it cannot reach its key server")
        self.done.append(f"open {self._secret}")

    async def close(self) -> None:
        self.done.append(f"close {self._secret}")


def source(name: str, secret: str) -> SourceEntry:
    config = StandardWebhooksSource.config_model.model_validate({"secrets": [SecretStr(secret)]})
    return SourceEntry(name, Opened, config, Where("hub.yaml", 1), written=secret)


@pytest.fixture
def inlets(monkeypatch: pytest.MonkeyPatch) -> Inlets:
    monkeypatch.setattr(Opened, "done", [], raising=False)
    monkeypatch.setattr(Opened, "refuses", None, raising=False)
    return Inlets({"shop": source("shop", SECRET)}, source_context, DEFAULT.max_stored_headers)


@pytest.fixture
async def hub(inlets: Inlets) -> AsyncIterator[Ingress]:
    writer = MemoryWriter()
    log = EventLog(writer, topic="hub.events", partitions=PARTITIONS, prepare=nothing_to_prepare)
    app = create_app(inlets, log, clock=lambda: NOW)
    async with app.router.lifespan_context(app):
        await until(lambda: log.state == "ready")
        yield Ingress(app, writer, log)


async def post(hub: Ingress, name: str, secret: str) -> int:
    headers = signed_headers(BODY, NOW, secret=secret)
    return (await hub.request(f"/in/{name}", headers.items(), [BODY.encode()])).status


async def test_a_source_that_comes_is_open_before_it_is_served_and_one_that_goes_is_closed(
    hub: Ingress, inlets: Inlets
) -> None:
    assert await post(hub, "stock", OTHER_SECRET) == 404
    shop, stock = source("shop", SECRET), source("stock", OTHER_SECRET)
    await inlets.change({"shop": shop, "stock": stock})
    assert Opened.done == [f"open {SECRET}", f"open {OTHER_SECRET}"], "one that did not change was opened again"
    assert (await post(hub, "stock", OTHER_SECRET), await post(hub, "shop", SECRET)) == (202, 202)
    await inlets.change({"stock": stock})
    assert await post(hub, "shop", SECRET) == 404
    await until(lambda: Opened.done[-1] == f"close {SECRET}")
    assert await post(hub, "stock", OTHER_SECRET) == 202


async def test_a_request_that_is_looked_at_by_a_source_that_goes_is_looked_at_to_the_end(
    hub: Ingress, inlets: Inlets, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, go_on = asyncio.Event(), asyncio.Event()
    verify = Opened.verify

    async def slow(self: Opened, request: object, now: object) -> object:
        looking.set()
        await go_on.wait()
        self.done.append("looked at")
        return await verify(self, request, now)  # type: ignore[arg-type]  # what came in goes on

    monkeypatch.setattr(Opened, "verify", slow)
    posting = asyncio.create_task(post(hub, "shop", SECRET))
    await looking.wait()
    await inlets.change({"shop": source("shop", OTHER_SECRET)})
    go_on.set()
    assert await posting == 202
    assert await post(hub, "shop", SECRET) == 401
    await until(lambda: f"close {SECRET}" in Opened.done)
    assert Opened.done.index("looked at") < Opened.done.index(f"close {SECRET}")


async def test_where_a_source_cannot_be_opened_nothing_has_changed(
    hub: Ingress, inlets: Inlets, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = {"new": source("new", SECRET), "shop": source("shop", OTHER_SECRET)}
    monkeypatch.setattr(Opened, "refuses", OTHER_SECRET)
    with pytest.raises(RuntimeError, match="key server"):
        await inlets.change(entries)
    monkeypatch.setattr(Opened, "hangs", True)
    monkeypatch.setattr(module, "_OPEN_TIMEOUT", 0.05)
    with pytest.raises(TimeoutError):
        await inlets.change(entries)
    assert (await post(hub, "shop", SECRET), await post(hub, "new", SECRET)) == (202, 404)


async def test_while_it_is_not_known_which_sources_there_are_none_is_refused_for_good(
    hub: Ingress, inlets: Inlets
) -> None:
    """A 404 tells some senders to never come back; the file may be older than what is in force."""
    inlets.settled = False
    assert (await post(hub, "stock", SECRET), await post(hub, "shop", SECRET)) == (503, 202)
    inlets.settled = True
    assert await post(hub, "stock", SECRET) == 404
