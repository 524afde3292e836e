"""One hub feeds another: what the ``http`` destination sends, a ``standard_webhooks`` source verifies and stores."""

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.api import DestinationDownError, RetryableError
from connectors.destinations.http import HttpConfig, HttpDestination, HttpOptions
from connectors.testing import BODIES, context, delivery
from tests.fixtures.ingress import NOW
from tests.fixtures.ingress_server import running
from tests.fixtures.webhooks import OTHER_SECRET, SECRET

pytestmark = pytest.mark.asyncio


async def sender(port: int, home: Path, *secrets: str, source: str = "shop") -> HttpDestination:
    url = f"http://127.0.0.1:{port}/in/{source}"
    config = HttpConfig.model_validate({"url": url, "secrets": list(secrets)})
    target = HttpDestination(config, replace(context(home), clock=lambda: NOW))
    await target.open()
    return target


async def test_every_body_is_stored_byte_for_byte_under_the_deliverys_id(tmp_path: Path) -> None:
    async with running() as (hub, port, _):
        target = await sender(port, tmp_path, OTHER_SECRET, SECRET)
        sent = [delivery(HttpOptions(), f"evt {name}", body) for name, body in BODIES.items()]
        for each in sent:
            await target.deliver_one(each)
        await target.close()
        assert [event.body for event in hub.writer.events] == list(BODIES.values())
        assert [event.id for event in hub.writer.events] == [each.key.id for each in sent]
        first = hub.writer.events[0]
    assert first.verified["scheme"] == "standard-webhooks-v1"
    kept = dict(first.headers)
    assert (kept["ce-source"], kept["ce-id"], kept["ce-subject"]) == ("gemini", "evt%20json", "batches/1")


async def test_a_repeat_has_the_same_id_so_that_the_receiving_hub_delivers_it_once(tmp_path: Path) -> None:
    async with running() as (hub, port, _):
        target = await sender(port, tmp_path, SECRET)
        for attempt in (1, 2):
            await target.deliver_one(replace(delivery(HttpOptions(), "evt.1"), attempt=attempt))
        await target.close()
        first, second = hub.writer.events
    assert (first.id, first.digest) == (second.id, second.digest)


async def test_a_wrong_secret_is_nobodys_dead_letter(tmp_path: Path) -> None:
    async with running() as (hub, port, _):
        target = await sender(port, tmp_path, OTHER_SECRET)
        with pytest.raises(DestinationDownError, match=r"401.*check `secrets`"):
            await target.deliver_one(delivery(HttpOptions()))
        await target.close()
        unknown = await sender(port, tmp_path, SECRET, source="unknown")
        with pytest.raises(RetryableError, match=r"404.*check the path"):
            await unknown.deliver_one(delivery(HttpOptions()))
        await unknown.close()
        assert hub.writer.events == []
