"""uvicorn around an application: binds, serves, and on SIGTERM or SIGINT drains and returns."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from hub.serving.certificate import CertificateFiles
from hub.serving.certificate_rotation import CertificateRotation


class AddressInUseError(OSError):
    """The address cannot be listened on. The message says which, and why."""


class Server(uvicorn.Server):
    """Tells the application before it drains, and follows the certificate's files.

    ``on_drain`` is called when the stop begins. ``options`` are uvicorn's. Raises CertificateError: the certificate's
    files cannot be used.

    Its signal handlers stay in place around `run`, so that the signal uvicorn raises again once it has stopped finds
    them, and the process ends with 0 instead of dying of it.
    """

    def __init__(
        self, app: ASGIApp, on_drain: Callable[[], None], certificate: CertificateFiles | None = None, **options: Any
    ) -> None:
        rotation = None if certificate is None else CertificateRotation(certificate)
        config = uvicorn.Config(
            app,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ssl_context_factory=None if rotation is None else lambda _config, _default: rotation.context,
            **options,
        )
        super().__init__(config)
        self._on_drain = on_drain
        self._rotation = rotation
        self.fault: Exception | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        if self._rotation is None:
            await super().serve(sockets)
            return
        following = asyncio.create_task(self._rotation.follow(), name="follow the TLS certificate")
        try:
            await super().serve(sockets)
        finally:
            following.cancel()
            await asyncio.wait([following])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._on_drain()
        super().handle_exit(sig, frame)

    def fail(self, fault: Exception) -> None:
        """Drain, and let `run` raise the fault. To be called in the event loop."""
        self.fault = fault
        self._on_drain()
        self.should_exit = True


def bind(host: str, port: int, backlog: int) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises:
        AddressInUseError: taken, not ours, or not allowed.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=backlog)
    except OSError as error:
        raise AddressInUseError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose another with --host "
            "and --port, or stop what has it"
        ) from error


def run(server: Server, listening: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, or until ``server.fail``, and drain. Call it in the main thread.

    Raises:
        Exception: the fault that ``server.fail`` was told.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    before = {each: signal.signal(each, server.handle_exit) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run(sockets=[listening])
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if server.fault is not None:
        raise server.fault
