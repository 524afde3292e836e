"""An endpoint that misbehaves harms neither the hub nor the record."""

import asyncio
import contextlib
import gzip
import logging
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from connectors.api import BadRecordError, DestinationDownError, RetryableError
from connectors.destinations.http import HttpConfig, HttpDestination, HttpOptions, exchange
from connectors.testing import context, delivery
from tests.fixtures.endpoint import Endpoint, Script, answers, begins, close, drip, half_close, hang, reset, says
from tests.unit.connectors.destinations.http.conftest import Opened, failure

STATUS_LINE = b"HTTP/1.1 200 OK\r\n"
HEAD = STATUS_LINE + b"Content-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n"
CHUNKED = STATUS_LINE + b"Transfer-Encoding: chunked\r\n\r\n"

NO_ANSWER: dict[str, Script] = {
    "hangs": begins(b"", hang),
    "hangs in the middle of its headers": begins(STATUS_LINE + b"X-Slow: ", hang),
    "resets": begins(b"", reset),
    "resets in the middle of its headers": begins(STATUS_LINE + b"X-Cut", reset),
    "closes": begins(b"", close),
    "closes for writing": begins(b"", half_close),
    "drips headers": begins(STATUS_LINE, drip(b"X-Slow: 1\r\n")),
    "never ends a header": begins(STATUS_LINE + b"X-Endless: ", drip(b"x" * 8000)),
    "continues for ever": begins(b"", drip(b"HTTP/1.1 100 Continue\r\n\r\n")),
    "has huge headers": says(STATUS_LINE + b"X-Huge: " + b"x" * 1_000_000 + b"\r\n\r\n"),
    "has too many headers": says(STATUS_LINE + b"X-Many: x\r\n" * 100_000 + b"\r\n"),
    "speaks another protocol": says(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "speaks no protocol": says(bytes(range(256)) * 100),
    "has a status that is no number": says(b"HTTP/1.1 OK fine\r\n\r\n"),
    "breaks its chunks": says(CHUNKED + b"zz\r\nxx"),
    "has two lengths": says(STATUS_LINE + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
}

BROKEN_BODY: dict[str, Script] = {
    "hangs": begins(HEAD + b"begin", hang),
    "resets": begins(HEAD + b"begin", reset),
    "closes": begins(HEAD + b"begin", close),
    "closes for writing": begins(HEAD + b"begin", half_close),
    "drips": begins(HEAD, drip(b".")),
    "drips empty-handed": begins(CHUNKED, drip(b"1\r\n.\r\n")),
    "never ends": begins(STATUS_LINE + b"\r\n", drip(b"x" * 60_000)),
    "says it is compressed": answers(200, {"Content-Encoding": "gzip"}, b"nope"),
}


@pytest.fixture
def _short_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_READING_TIMEOUT_S", 0.1)


@pytest.mark.parametrize("script", NO_ANSWER.values(), ids=list(NO_ANSWER))
async def test_no_answer_is_tried_again(endpoint: Endpoint, opened: Opened, script: Script) -> None:
    target = await opened(request_timeout="1s")
    endpoint.scripts.append(script)
    error = await failure(target)
    assert type(error) is RetryableError
    assert "only-the" not in f"{error!r} {error.__cause__!r}"
    await target.deliver_one(delivery(HttpOptions()))


@pytest.mark.usefixtures("_short_reading")
@pytest.mark.parametrize("script", BROKEN_BODY.values(), ids=list(BROKEN_BODY))
async def test_a_success_is_one_whatever_becomes_of_its_body(
    endpoint: Endpoint, opened: Opened, script: Script
) -> None:
    target = await opened(request_timeout="1h")
    endpoint.scripts.append(script)
    async with asyncio.timeout(30):
        await target.deliver_one(delivery(HttpOptions()))
        await target.deliver_one(delivery(HttpOptions()))
    assert len(endpoint.received) == 2


@pytest.mark.usefixtures("_short_reading")
async def test_a_refusal_is_one_whatever_becomes_of_its_body(endpoint: Endpoint, target: HttpDestination) -> None:
    refusal = HEAD.replace(b"200 OK", b"413 No")
    for then in (hang, reset, close, half_close, drip(b".")):
        endpoint.scripts.append(begins(refusal + b"not like this", then))
        assert type(await failure(target)) is BadRecordError


async def test_an_answer_without_end_or_measure_is_not_kept(
    endpoint: Endpoint, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[bytes] = []
    beginning = exchange._beginning

    async def watched(response: object) -> bytes:
        found = await beginning(response)  # type: ignore[arg-type]  # only passed on
        kept.append(found)
        return found

    monkeypatch.setattr(exchange, "_beginning", watched)
    monkeypatch.setattr(exchange, "_READING_TIMEOUT_S", 60.0)
    target = await opened()
    endpoint.scripts.append(begins(STATUS_LINE + b"\r\n", drip(b"x" * 60_000)))
    await target.deliver_one(delivery(HttpOptions()))
    assert exchange.LONGEST_BODY <= len(kept[0]) < exchange.LONGEST_BODY + 1_000_000, "and what one read may bring"
    bomb = gzip.compress(bytes(10_000_000))
    endpoint.scripts.append(answers(200, {"Content-Encoding": "gzip"}, bomb))
    await target.deliver_one(delivery(HttpOptions()))
    assert kept[1] == bomb


async def test_one_connection_serves_request_after_request(endpoint: Endpoint, target: HttpDestination) -> None:
    sizes: Sequence[int] = (0, 10, 60_000)
    for size in sizes:
        endpoint.scripts.append(answers(200, {"Content-Type": "text/plain"}, b"x" * size))
        await target.deliver_one(delivery(HttpOptions()))
    assert (len(endpoint.received), endpoint.connections) == (3, 1)


async def test_a_connection_that_the_endpoint_ends_in_between_costs_nothing(
    endpoint: Endpoint, target: HttpDestination
) -> None:
    for _ in range(3):
        endpoint.scripts.append(says(b"HTTP/1.1 204 Fine\r\nConnection: close\r\n\r\n"))
        await target.deliver_one(delivery(HttpOptions()))
    assert (len(endpoint.received), endpoint.connections) == (3, 3)


async def test_a_large_body_arrives_whole(endpoint: Endpoint, target: HttpDestination) -> None:
    body = bytes(range(256)) * 20_000
    await target.deliver_one(delivery(HttpOptions(), body=body))
    assert endpoint.received[0].body == body


async def test_nobody_listening_is_down(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    for host in (f"127.0.0.1:{port}", "no-such-host.invalid", "a..b", f"{'x' * 64}.example"):
        config = HttpConfig.model_validate({"url": f"http://{host}/only-the-sender-knows-this"})
        target = HttpDestination(config, context(tmp_path))
        await target.open()
        error = await failure(target)
        await target.close()
        assert type(error) is DestinationDownError, host
        assert "only-the" not in f"{error!r} {error.__cause__!r}"


async def test_a_server_that_does_not_answer_in_tls_is_down(endpoint: Endpoint, opened: Opened) -> None:
    target = await opened(url=endpoint.url.replace("http://", "https://"), request_timeout="1s")
    assert type(await failure(target)) is DestinationDownError


async def test_a_private_address_is_refused_unless_allowed(endpoint: Endpoint, tmp_path: Path) -> None:
    target = HttpDestination(HttpConfig.model_validate({"url": endpoint.url}), context(tmp_path, allow_private=False))
    await target.open()
    error = await failure(target)
    await target.close()
    assert isinstance(error, DestinationDownError)
    assert "HUB_ALLOW_PRIVATE" in str(error)
    assert endpoint.connections == 0


async def test_a_cookie_is_not_sent_back(endpoint: Endpoint, target: HttpDestination) -> None:
    endpoint.scripts.append(answers(200, {"Set-Cookie": "a=" + "x" * 4000}))
    for _ in range(2):
        await target.deliver_one(delivery(HttpOptions()))
    assert endpoint.received[1].header("cookie") is None


async def test_what_is_not_open_is_down(tmp_path: Path) -> None:
    target = HttpDestination(HttpConfig.model_validate({"url": "https://h.example/"}), context(tmp_path))
    assert type(await failure(target)) is DestinationDownError


async def test_a_delivery_that_is_cancelled_ends_its_connection(endpoint: Endpoint, target: HttpDestination) -> None:
    arrived, ended = asyncio.Event(), asyncio.Event()

    async def wait_for_the_end(writer: asyncio.StreamWriter) -> None:
        arrived.set()
        with contextlib.suppress(ConnectionError):
            await drip(b"HTTP/1.1 102 Processing\r\n\r\n")(writer)
        ended.set()

    endpoint.scripts.append(begins(b"", wait_for_the_end))
    running = asyncio.create_task(target.deliver_one(delivery(HttpOptions())))
    async with asyncio.timeout(10):
        await arrived.wait()
        running.cancel()
        await asyncio.wait([running])
        await ended.wait()


async def test_nothing_secret_is_logged(endpoint: Endpoint, opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    target = await opened(headers={"Authorization": "Bearer only-the-receiver-knows"})
    await target.deliver_one(delivery(HttpOptions()))
    endpoint.scripts += [answers(500), begins(b"", reset)]
    for _ in range(2):
        await failure(target)
    assert "only-the" not in f"{caplog.text} {target!r} {target.config!r}"
