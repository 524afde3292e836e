"""Every answer of the ingress, and what of a request is stored."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.api import (
    EventAttributes,
    KeysUnavailableError,
    Reply,
    Request,
    Source,
    SourceConfig,
    Verified,
)
from hub.ingress.limits import Limits
from hub.log.writer import RecordTooLargeError, WriteFailedError, WriterFullError
from tests.fixtures.ingress import NOW, ingress, sign
from tests.fixtures.webhooks import OTHER_SECRET, signed_headers

BODY = b'{"type":"order.paid","timestamp":"2026-01-22T11:59:58Z","data":{"id":"o1","team":"a"}}'


async def test_202_says_the_id_of_what_is_stored() -> None:
    async with ingress() as hub:
        answer = await hub.post("/in/shop/refunds/eu?x=1", BODY, {"content-type": "application/json"})
        assert (answer.status, answer.json()) == (202, {"id": "msg_1"})
        event = hub.writer.event()
        assert event.body == BODY
        assert (event.source, event.endpoint, event.type, event.id, event.subject) == (
            "shop", "refunds/eu", "order.paid", "msg_1", "o1",
        )  # fmt: skip
        assert event.received == NOW
        assert event.time == NOW - timedelta(seconds=2)
        assert event.metadata == {"team": "a"}
        assert event.content_type == "application/json"
        assert event.verified["scheme"] == "standard-webhooks-v1"


async def test_no_202_before_the_log_has_acknowledged() -> None:
    async with ingress() as hub:
        hub.writer.held = True
        posting = asyncio.create_task(hub.post("/in/shop", BODY))
        await hub.writer.until_waiting(1)
        assert not posting.done()
        hub.writer.waiting[0].set_result(7)
        assert (await posting).status == 202


@pytest.mark.parametrize("path", ["/in/nowhere", "/in/nowhere/x"])
async def test_an_unknown_source_is_404_and_learns_the_form_of_paths(path: str) -> None:
    async with ingress() as hub:
        answer = await hub.post(path, BODY)
        assert (answer.status, answer.json()["error"]) == (404, "unknown-source")
        assert "/in/<source>" in answer.json()["message"]
        assert "shop" not in answer.json()["message"]


@pytest.mark.parametrize(
    "path",
    ["/", "/in", "/in/", "/in//shop", "/in/SHOP", "/in/shop//x", "/in/shop/%2e", "/in/shop/a b", "/in/shop/\xff",
     "/in/shop/" + "x" * 600, "/inshop", "/other"],
)  # fmt: skip
async def test_a_path_of_another_form_is_404(path: str) -> None:
    async with ingress() as hub:
        answer = await hub.post(path, BODY)
        assert answer.status == 404
        assert "/in/<source>" in answer.json()["message"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW"])
async def test_another_method_is_405_and_learns_the_right_one(method: str) -> None:
    async with ingress() as hub:
        answer = await hub.request("/in/shop", method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "POST")


async def test_a_body_declared_too_large_is_413_before_it_is_read() -> None:
    async with ingress() as hub:
        answer = await hub.request("/in/small", [("content-length", "101")], [b"x"], complete=False, disconnects=True)
        assert (answer.status, answer.headers["connection"]) == (413, "close")


async def test_a_body_that_grows_too_large_is_413() -> None:
    async with ingress() as hub:
        answer = await hub.request("/in/small", sign(b"").items(), [b"x" * 60, b"x" * 60])
        assert answer.status == 413
        assert "max_body" in answer.json()["message"]
        assert (await hub.post("/in/small", b"x" * 100)).status == 202


@pytest.mark.parametrize("length", ["", "-1", "x", "9" * 5000, "1, 1", "²"])
async def test_a_strange_content_length_is_no_error_of_ours(length: str) -> None:
    async with ingress() as hub:
        assert (await hub.post("/in/small", b"x", {"content-length": length})).status in {202, 413}


async def test_a_sender_that_leaves_stores_nothing() -> None:
    async with ingress() as hub:
        answer = await hub.request("/in/shop", sign(BODY).items(), [BODY], complete=False, disconnects=True)
        assert answer.status == 400
        assert not hub.writer.written


async def test_a_wrong_signature_is_401() -> None:
    async with ingress() as hub:
        wrong = signed_headers(BODY.decode(), NOW, secret=OTHER_SECRET)
        answer = await hub.request("/in/shop", wrong.items(), [BODY])
        assert (answer.status, answer.json()["error"]) == (401, "bad-signature")
        assert "connection" not in answer.headers
        assert not hub.writer.written


async def test_a_repeated_security_header_is_400() -> None:
    async with ingress() as hub:
        headers = [*sign(BODY).items(), ("webhook-id", "msg_1")]
        answer = await hub.request("/in/shop", headers, [BODY])
        assert (answer.status, answer.json()["message"]) == (
            400,
            "header webhook-id is there more than once; send it once",
        )


@pytest.mark.parametrize(
    ("refusal", "status"),
    [(WriterFullError("full"), 503), (RecordTooLargeError("large"), 413)],
)
async def test_what_the_writer_refuses_is_an_honest_status(refusal: Exception, status: int) -> None:
    async with ingress() as hub:
        hub.writer.refusal = refusal
        answer = await hub.post("/in/shop", BODY)
        assert answer.status == status
        assert ("retry-after" in answer.headers) == (status == 503)


async def test_a_write_without_acknowledgement_is_503() -> None:
    async with ingress() as hub:
        hub.writer.failure = WriteFailedError("partition 3 of hub.events: gone")
        answer = await hub.post("/in/shop", BODY)
        assert (answer.status, answer.json()["error"]) == (503, "not-confirmed")
        assert "partition" not in answer.json()["message"]


async def test_an_acknowledgement_that_never_comes_is_503() -> None:
    async with ingress(limits=Limits(answer_timeout=0.05)) as hub:
        hub.writer.held = True
        answer = await hub.post("/in/shop", BODY)
        assert (answer.status, answer.json()["error"]) == (503, "not-confirmed")


async def test_503_while_kafka_is_away_and_before_it_was_seen() -> None:
    async with ingress(connected=False) as hub:
        answer = await hub.post("/in/shop", BODY)
        assert (answer.status, answer.json()["error"]) == (503, "log-unavailable")
        await hub.log.connect()
        assert (await hub.post("/in/shop", BODY)).status == 202
        hub.writer.healthy = False
        assert (await hub.post("/in/shop", BODY)).headers["retry-after"] == "5"


async def test_too_many_requests_in_flight_are_503() -> None:
    async with ingress(limits=Limits(max_requests=2)) as hub:
        hub.writer.held = True
        posting = [asyncio.create_task(hub.post("/in/shop", BODY)) for _ in range(2)]
        await hub.writer.until_waiting(2)
        answer = await hub.request("/in/shop", sign(BODY).items(), [BODY])
        assert (answer.status, answer.json()["error"], answer.headers["retry-after"]) == (503, "busy", "1")
        for waiting in hub.writer.waiting:
            waiting.set_result(0)
        assert {(await each).status for each in posting} == {202}
        hub.writer.held = False
        assert (await hub.post("/in/shop", BODY)).status == 202


async def test_slow_senders_with_large_bodies_cannot_exhaust_the_memory() -> None:
    async with ingress(limits=Limits(max_buffered=1000)) as hub:
        reading = [asyncio.create_task(hub.request("/in/shop", (), [b"x" * 400], complete=False)) for _ in range(2)]
        refused = await asyncio.gather(hub.request("/in/shop", (), [b"x" * 400], complete=False, disconnects=True))
        assert [(answer.status, answer.json()["error"]) for answer in refused] == [(503, "busy")]
        for each in reading:
            each.cancel()
        await asyncio.wait(reading)
        assert (await hub.post("/in/shop", b"x" * 900)).status == 202  # every byte was given back
        assert (await hub.post("/in/shop", b"x" * 900)).status == 202


async def test_readyz_and_healthz() -> None:
    async with ingress(connected=False) as hub:
        assert (await hub.request("/healthz", method="GET")).status == 200
        starting = await hub.request("/readyz", method="GET")
        assert (starting.status, starting.json()["status"]) == (503, "starting")
        await hub.log.connect()
        ready = await hub.request("/readyz", method="GET")
        assert (ready.status, ready.json()["status"]) == (200, "ready")
        hub.writer.healthy = False
        assert (await hub.request("/readyz", method="GET")).json()["status"] == "kafka-unavailable"
        hub.log.drain()
        assert (await hub.request("/readyz", method="GET")).json()["status"] == "draining"
        assert (await hub.request("/healthz", method="GET")).status == 200


class Plugin(Source[SourceConfig]):
    """Does what its headers say, also what it must not."""

    name = "plugin"
    config_model = SourceConfig
    signed_headers = frozenset({"authorization", "x-signed"})

    async def verify(self, request: Request, now: datetime) -> Verified | Reply:
        match request.header("do"):
            case "challenge":
                return Reply(request.body, 200, {"content-type": "text/plain"})
            case "no-keys":
                raise KeysUnavailableError("the keys of the sender cannot be fetched right now")
            case "hang":
                await asyncio.Event().wait()
            case "crash":
                raise RuntimeError("secret internals")
            case "key":
                return Verified("v1a", "k", "public")
        return Verified("none", "k")

    def describe(self, request: Request) -> Sequence[EventAttributes]:
        match request.header("do"):
            case "batch":
                return [EventAttributes("a", id="1"), EventAttributes("b", id="2")]
            case "empty":
                return []
            case "broken":
                raise LookupError("a fault in the plugin")
        return [EventAttributes("", id="", subject=request.url)]


PLUGIN: Any = {"plugin": (Plugin, {})}


async def test_the_answer_to_a_challenge_is_sent_and_nothing_stored() -> None:
    async with ingress(sources=PLUGIN) as hub:
        answer = await hub.request("/in/plugin", [("do", "challenge")], [b"token"])
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"token", "text/plain")
        assert not hub.writer.written


async def test_keys_that_cannot_be_fetched_are_503() -> None:
    async with ingress(sources=PLUGIN) as hub:
        answer = await hub.request("/in/plugin", [("do", "no-keys")])
        assert (answer.status, answer.headers["retry-after"]) == (503, "10")


async def test_a_verification_that_hangs_is_503() -> None:
    async with ingress(sources=PLUGIN, limits=Limits(answer_timeout=0.05)) as hub:
        assert (await hub.request("/in/plugin", [("do", "hang")])).status == 503


async def test_a_verification_that_crashes_accepts_nothing_and_tells_nothing() -> None:
    async with ingress(sources=PLUGIN) as hub:
        with pytest.raises(RuntimeError):  # Starlette hands it on to the server's log
            await hub.request("/in/plugin", [("do", "crash")])
        assert not hub.writer.written


@pytest.mark.parametrize("do", ["empty", "broken"])
async def test_an_event_its_source_cannot_name_is_stored_all_the_same(do: str) -> None:
    async with ingress(sources=PLUGIN) as hub:
        answer = await hub.request("/in/plugin", [("do", do)], [b"bytes"])
        event = hub.writer.event()
        assert (answer.status, event.type, event.body) == (202, "webhook", b"bytes")
        assert answer.json() == {"id": event.id}


async def test_each_event_of_a_batch_is_stored_and_told() -> None:
    async with ingress(sources=PLUGIN) as hub:
        answer = await hub.request("/in/plugin", [("do", "batch")], [b"[]"])
        assert answer.json() == {"id": "1", "ids": ["1", "2"]}
        assert [event.type for event in hub.writer.events] == ["a", "b"]


async def test_events_without_an_id_get_different_ones() -> None:
    async with ingress(sources=PLUGIN) as hub:
        first = await hub.request("/in/plugin", [("host", "hub.example")], [b"same"])
        second = await hub.request("/in/plugin", [("host", "hub.example")], [b"same"])
        assert first.json()["id"] != second.json()["id"]
        assert {event.type for event in hub.writer.events} == {"webhook"}


async def test_the_url_is_the_one_the_sender_called() -> None:
    async with ingress(sources=PLUGIN) as hub:
        await hub.request("/in/plugin/a?b=c&d", [("host", "hub.example"), ("x-forwarded-host", "evil.example")])
        assert hub.writer.event().subject == "https://hub.example/in/plugin/a?b=c&d"


async def test_credentials_are_never_stored_not_even_where_a_plugin_asks_for_it() -> None:
    async with ingress(sources=PLUGIN) as hub:
        headers = [("authorization", "Bearer x"), ("x-signed", "yes"), ("cookie", "a=b"), ("do", "key")]
        await hub.request("/in/plugin", headers)
        event = hub.writer.event()
        assert event.headers == (("x-signed", "yes"),)
        assert event.verified == {"scheme": "v1a", "key": "k", "public_key": "public"}
