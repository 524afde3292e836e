"""Runs the api under uvicorn: on SIGTERM or SIGINT streams end, what is asked is answered, and it returns."""

import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.applications import Starlette

DRAIN = 10
"""Seconds that what is asked may take when the service is told to stop."""

_MOST_CONNECTIONS = 2000


class AddressInUseError(OSError):
    """The address cannot be listened on. The message says which, and why."""


class ApiServer(uvicorn.Server):
    """uvicorn's server, telling the application before it drains."""

    def __init__(self, app: Starlette, on_drain: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=_MOST_CONNECTIONS,
                timeout_graceful_shutdown=DRAIN,
            )
        )
        self._on_drain = on_drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._on_drain()
        super().handle_exit(sig, frame)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises AddressInUseError."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=512)
    except OSError as error:
        raise AddressInUseError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error


def run(server: ApiServer, listening: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT. Call it in the main thread."""
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    before = {each: signal.signal(each, server.handle_exit) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run(sockets=[listening])
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
