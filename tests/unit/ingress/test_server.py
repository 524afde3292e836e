"""The server with real sockets and hostile senders; the log is in memory. e2e tests do the same with Kafka."""

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from hub.ingress.limits import Limits
from hub.ingress.server import Listen, bind
from hub.serving.server import AddressInUseError
from tests.fixtures.ingress import sign, until
from tests.fixtures.ingress_server import running

BODY = b'{"type":"order.paid","data":{"id":"o1"}}'


def head(path: str = "/in/shop", *, length: int | None = None, extra: bytes = b"", body: bytes = BODY) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: hub.example", *(f"{name}: {value}" for name, value in sign(body).items())]
    lines.append(f"content-length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n" + extra + b"\r\n"


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        async with asyncio.timeout(10):
            text = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = text.rstrip().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            body = await self.reader.readexactly(int(headers["content-length"]))
        return int(status.split(" ")[1]), headers, json.loads(body)

    async def ended(self) -> None:
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionResetError):
                assert await self.reader.read() == b""


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_requests_follow_each_other_on_one_connection() -> None:
    async with running(Limits()) as (hub, port, _), connected(port) as sender:
        for _ in range(3):
            await sender.send(head() + BODY)
            status, headers, answer = await sender.answer()
            assert (status, answer) == (202, {"id": "msg_1"})
            assert "connection" not in headers
        assert len(hub.writer.written) == 3


async def test_a_body_in_single_bytes_is_the_same_body() -> None:
    async with running(Limits()) as (hub, port, _), connected(port) as sender:
        for byte in head() + BODY:
            await sender.send(bytes([byte]))
        assert (await sender.answer())[0] == 202
        assert hub.writer.event().body == BODY


async def test_a_connection_that_says_nothing_is_ended() -> None:
    async with running(Limits(header_timeout=0.05)) as (_, port, _), connected(port) as sender:
        status, _, answer = await sender.answer()
        assert (status, answer["error"]) == (408, "too-slow")
        await sender.ended()


async def test_headers_that_drip_are_ended_also_after_a_good_request() -> None:
    async with running(Limits(header_timeout=0.2)) as (_, port, _), connected(port) as sender:
        await sender.send(head() + BODY)
        assert (await sender.answer())[0] == 202
        await sender.send(b"POST /in/shop HTTP/1.1\r\nx-slow: ")
        assert (await sender.answer())[0] == 408
        await sender.ended()


async def test_an_idle_connection_may_wait_longer_than_headers_may_take() -> None:
    async with running(Limits(header_timeout=0.05)) as (_, port, _), connected(port) as sender:
        await sender.send(head() + BODY)
        assert (await sender.answer())[0] == 202
        quiet = asyncio.create_task(sender.reader.read(1))
        done, _ = await asyncio.wait([quiet], timeout=0.2)
        assert not done
        quiet.cancel()


async def test_a_body_that_drips_is_408() -> None:
    async with running(Limits(body_timeout=0.1)) as (hub, port, _), connected(port) as sender:
        await sender.send(head() + BODY[:-1])
        status, headers, answer = await sender.answer()
        assert (status, answer["error"], headers["connection"]) == (408, "too-slow", "close")
        assert not hub.writer.written


@pytest.mark.parametrize("shape", ["one endless line", "many lines", "endless url", "trailers"])
async def test_headers_without_end_are_refused_before_they_fill_the_memory(shape: str) -> None:
    pieces = {
        "one endless line": (b"POST /in/shop HTTP/1.1\r\nx: ", b"a" * 1000),
        "many lines": (b"POST /in/shop HTTP/1.1\r\n", b"x-a: b\r\n" * 100),
        "endless url": (b"POST /in/", b"a" * 1000),
        "trailers": (
            b"POST /in/shop HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
            b"x-a: b\r\n" * 100,
        ),
    }
    start, more = pieces[shape]
    async with running(Limits(max_header=10_000)) as (_, port, _), connected(port) as sender:
        with contextlib.suppress(ConnectionError):
            await sender.send(start)
            for _ in range(30):
                await sender.send(more)
        status, _, answer = await sender.answer()
        assert (status, answer["error"]) == (431, "headers-too-large")
        await sender.ended()


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"POST / HTTP/9\r\n\r\n", b"\x00" * 100])
async def test_what_is_not_http_gets_an_answer_of_ours(garbage: bytes) -> None:
    async with running(Limits()) as (_, port, _), connected(port) as sender:
        await sender.send(garbage)
        status, _, answer = await sender.answer()
        assert (status, answer["error"]) == (400, "not-http")
        await sender.ended()


async def test_two_lengths_are_refused_since_a_proxy_may_believe_the_other() -> None:
    async with running(Limits()) as (hub, port, _), connected(port) as sender:
        await sender.send(head(extra=b"content-length: 0\r\n") + BODY)
        assert (await sender.answer())[0] == 400
        assert not hub.writer.written


async def test_a_sender_still_sending_a_large_body_hears_why_it_is_refused() -> None:
    async with running(Limits()) as (_, port, _), connected(port) as sender:
        await sender.send(head(length=3_000_000))
        status, headers, answer = await sender.answer()
        assert (status, answer["error"], headers["connection"]) == (413, "too-large", "close")
        for _ in range(3):
            await sender.send(b"x" * 1_000_000)  # a reset here is what most senders would see instead of the answer
        async with asyncio.timeout(10):
            assert await sender.reader.read() == b""


def test_pipelined_requests_whose_sender_left_make_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def send_two_and_leave() -> None:
        async with running(Limits()) as (hub, port, server):
            hub.writer.held = True
            async with connected(port) as sender:
                await sender.send((head() + BODY) * 2)
                await hub.writer.until_waiting(1)
            await until(lambda: not server.server_state.connections)
            hub.writer.waiting[0].set_result(0)

    uvloop.run(send_two_and_leave())  # where writing to a closed transport raises
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_more_connections_than_allowed_are_told_to_come_back() -> None:
    async with (
        running(Limits(max_connections=2)) as (_, port, _),
        connected(port) as first,
        connected(port) as second,
        connected(port) as third,
    ):
        status, headers, _ = await third.answer()
        assert (status, headers["retry-after"]) == (503, "1")
        await third.ended()
        for sender in (first, second):
            await sender.send(head() + BODY)
            assert (await sender.answer())[0] == 202


async def test_a_chunked_body_is_counted_against_the_limit() -> None:
    async with running(Limits()) as (hub, port, _), connected(port) as sender:
        start = head("/in/small").replace(b"content-length: 40", b"transfer-encoding: chunked")
        await sender.send(start + b"".join(b"28\r\n" + BODY + b"\r\n" for _ in range(3)))
        assert (await sender.answer())[0] == 413
        assert not hub.writer.written


_OUTSIDE = b"x-forwarded-for: 203.0.113.9\r\nx-forwarded-proto: https\r\nx-forwarded-host: "


@pytest.mark.parametrize(
    ("trusted", "said", "seen"),
    [
        ("", b"hooks.example", "http://hub.example"),
        ("10.0.0.0/8", b"hooks.example", "http://hub.example"),
        ("127.0.0.1", b"hooks.example", "https://hooks.example"),
        ("127.0.0.0/8,10.0.0.1", b"hooks.example:8443", "https://hooks.example:8443"),
        ("*", b"invented.example, hooks.example", "https://hooks.example"),
        ("127.0.0.1", b"invented.example\r\nx-forwarded-host: hooks.example", "https://hooks.example"),
        ("127.0.0.1", b"hooks.example/in/other?", "https://hub.example"),
    ],
)
async def test_sources_see_the_url_outside_the_proxy_if_the_proxy_is_trusted(
    trusted: str, said: bytes, seen: str
) -> None:
    requests = []
    async with running(Limits(), Listen(port=0, forwarded_allow_ips=trusted)) as (hub, port, _):
        (intake,) = hub.app.user_middleware
        inlets: Any = intake.args[0]
        source = inlets.find("shop").item.source
        verify = source.verify

        async def look(request: Any, now: Any) -> Any:
            requests.append(request)
            return await verify(request, now)

        source.verify = look  # of this instance only
        async with connected(port) as sender:
            await sender.send(head("/in/shop?a=%2F", extra=_OUTSIDE + said + b"\r\n") + BODY)
            assert (await sender.answer())[0] == 202
    (request,) = requests
    assert request.url == f"{seen}/in/shop?a=%2F"
    assert request.header("host") == "hub.example", "headers stay as they came, since signatures cover them"


async def test_a_drain_answers_what_is_in_flight_and_takes_nothing_new() -> None:
    async with running(Limits()) as (hub, port, server), connected(port) as sender:
        hub.writer.held = True
        await sender.send(head() + BODY)
        await hub.writer.until_waiting(1)
        server.handle_exit(signal.SIGTERM, None)
        assert hub.log.state == "draining"
        async with asyncio.timeout(10):
            while True:
                try:
                    async with connected(port):
                        pass
                except ConnectionError:  # refused, or reset while it waited to be accepted
                    break
        hub.writer.waiting[0].set_result(0)
        status, headers, _ = await sender.answer()
        assert (status, headers["connection"]) == (202, "close")
        await until(lambda: hub.writer.stopped)


def test_a_taken_port_is_told_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUseError, match=f"port {port}.*--port"):
            bind(Listen(port=port))
