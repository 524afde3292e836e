"""A TCP proxy that misbehaves as networks do: slow, dripping, hanging, half closed, reset, refused."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import Self

_DRIP_BYTES, _DRIP_PAUSE = 8, 0.05  # seconds between two drops
_AT_ONCE = 64 * 1024
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST, not FIN


class Mode(StrEnum):
    """What becomes of connections, those that are open included. Requests get through unless it says otherwise."""

    PASS = "pass"
    LATENCY = "latency"  # every chunk is late, in both directions
    DRIP = "drip"  # answers come a few bytes at a time
    HANG = "hang"  # nothing moves, in neither direction, until the mode changes
    HALF_CLOSE = "half-close"  # the request arrives; instead of the answer comes the end of the stream
    RESET = "reset"  # open connections break; later ones as soon as they are answered
    REFUSE = "refuse"  # nobody listens


class _CutError(Exception):
    """The connection ends here."""


class FaultProxy:
    """``async with FaultProxy(upstream_port) as proxy``; clients connect to ``proxy.port``. For one event loop."""

    def __init__(self, upstream: int, port: int = 0, *, latency: float = 0.3) -> None:
        self.port = port
        self._upstream = upstream
        self._latency = latency
        self._mode = Mode.PASS
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def mode(self) -> Mode:
        return self._mode

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop_listening()
        self._break_open()
        if self._open:
            await asyncio.wait(list(self._open))

    @asynccontextmanager
    async def misbehaving(self, mode: Mode) -> AsyncIterator[None]:
        """Behave like that inside the block."""
        await self.become(mode)
        try:
            yield
        finally:
            await self.become(Mode.PASS)

    async def become(self, mode: Mode) -> None:
        self._mode = mode
        self._changed.set()
        self._changed = asyncio.Event()
        if mode in {Mode.RESET, Mode.REFUSE}:
            self._break_open()
        if mode is Mode.REFUSE:
            self._stop_listening()
        elif self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _break_open(self) -> None:
        for task, client in self._open.items():
            _reset(client)
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = client
        try:
            upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self._upstream)
            try:
                async with asyncio.TaskGroup() as pumps:
                    pumps.create_task(self._pump(reader, upstream, answers=False))
                    pumps.create_task(self._pump(upstream_reader, client, answers=True))
            finally:
                upstream.transport.abort()
        except* (OSError, _CutError):  # either side went away, or we ended it
            pass
        except* asyncio.CancelledError:  # broken on purpose: whoever cancelled awaits nothing
            pass
        finally:
            del self._open[task]
            client.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        while data := await source.read(_AT_ONCE):
            await self._pass(data, sink, answers=answers)
        with suppress(OSError):
            sink.write_eof()

    async def _pass(self, data: bytes, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        while self._mode is Mode.HANG:
            await self._changed.wait()
        if self._mode is Mode.LATENCY:
            await asyncio.sleep(self._latency)
        elif self._mode is Mode.RESET and answers:
            _reset(sink)
            raise _CutError
        elif self._mode is Mode.HALF_CLOSE and answers:
            sink.write_eof()
            await self._changed.wait()
            raise _CutError
        while self._mode is Mode.DRIP and answers and data:
            sink.write(data[:_DRIP_BYTES])
            data = data[_DRIP_BYTES:]
            await asyncio.sleep(_DRIP_PAUSE)
        sink.write(data)
        await sink.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
