"""The proxy does to a connection what its mode says, as the client sees it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.chaos.fault_proxy import FaultProxy, Mode

ANSWER = b"an answer that takes some drops"


class Upstream:
    """Answers every line with ANSWER, and counts them."""

    def __init__(self) -> None:
        self.lines = 0
        self._serving: set[asyncio.Task[None] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.current_task())
        with suppress(ConnectionError):
            while await reader.readline():
                self.lines += 1
                writer.write(ANSWER)
                await writer.drain()
        writer.transport.abort()

    async def ended(self) -> None:
        """Once its connections have: a loop that is closed before leaves their sockets open."""
        await asyncio.wait([task for task in self._serving if task], timeout=10)


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[FaultProxy, Upstream]]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    async with FaultProxy(server.sockets[0].getsockname()[1], latency=0.1) as proxy:
        yield proxy, upstream
    server.close()
    await upstream.ended()


async def ask(proxy: FaultProxy) -> bytes:
    """One connection, one line; everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        async with asyncio.timeout(20):
            writer.write(b"a line\n")
            return await reader.readexactly(len(ANSWER))
    finally:
        writer.transport.abort()


async def test_what_passes_is_answered() -> None:
    async with proxied() as (proxy, _):
        assert await ask(proxy) == ANSWER


@pytest.mark.parametrize("mode", [Mode.LATENCY, Mode.DRIP])
async def test_a_slow_answer_is_whole_and_late(mode: Mode) -> None:
    async with proxied() as (proxy, _), proxy.misbehaving(mode):
        began = time.monotonic()
        assert await ask(proxy) == ANSWER
        assert time.monotonic() - began >= 0.1


async def test_a_hanging_request_goes_on_when_the_network_does() -> None:
    async with proxied() as (proxy, upstream):
        async with proxy.misbehaving(Mode.HANG):
            asking = asyncio.create_task(ask(proxy))
            done, _ = await asyncio.wait({asking}, timeout=0.2)
            assert not done
            assert upstream.lines == 0
        assert await asking == ANSWER


@pytest.mark.parametrize(
    ("mode", "error"), [(Mode.RESET, ConnectionResetError), (Mode.HALF_CLOSE, asyncio.IncompleteReadError)]
)
async def test_a_request_whose_answer_is_lost_has_arrived(mode: Mode, error: type[Exception]) -> None:
    async with proxied() as (proxy, upstream):
        async with proxy.misbehaving(mode):
            with pytest.raises(error):
                await ask(proxy)
        assert upstream.lines == 1
        assert await ask(proxy) == ANSWER


async def test_refused_connections_are_accepted_again_afterwards_on_the_same_port() -> None:
    async with proxied() as (proxy, upstream):
        port = proxy.port
        async with proxy.misbehaving(Mode.REFUSE):
            with pytest.raises(ConnectionRefusedError):
                await ask(proxy)
        assert upstream.lines == 0
        assert await ask(proxy) == ANSWER
        assert proxy.port == port


async def test_open_connections_break_when_the_mode_says_so() -> None:
    async with proxied() as (proxy, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"a line\n")
        assert await reader.readexactly(len(ANSWER)) == ANSWER
        async with proxy.misbehaving(Mode.RESET):
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)
        writer.transport.abort()
