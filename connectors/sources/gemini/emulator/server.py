"""Serves an emulator on loopback until SIGTERM or SIGINT."""

import logging
import signal
import socket

import uvicorn

from connectors.sources.gemini.emulator.app import create_app
from connectors.sources.gemini.emulator.emulator import Emulator

_HOST = "127.0.0.1"
_DRAIN = 5  # seconds for requests in flight


class AddressInUseError(Exception):
    """The port cannot be listened on."""


def bind(port: int) -> socket.socket:
    """A listening socket of loopback, at no other address; 0 takes any free port. Raises AddressInUseError."""
    try:
        return socket.create_server((_HOST, port), backlog=128)
    except OSError as error:
        raise AddressInUseError(
            f"cannot listen on {_HOST} port {port}: {error.strerror or error}; choose another with --port, or stop "
            "what has it"
        ) from error


def serve(emulator: Emulator, listening: socket.socket) -> None:
    """Serve until told to stop; call it in the main thread.

    The handlers stay in place around it, so that the signal which uvicorn raises again at its end finds them, and the
    process ends with 0 instead of dying of it.

    Raises:
        BaseException: what ended the work in the background.
    """
    faults: list[BaseException] = []

    def fail(fault: BaseException) -> None:
        faults.append(fault)
        server.should_exit = True

    config = uvicorn.Config(
        create_app(emulator, fail),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN,
    )
    server = uvicorn.Server(config)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    before = {each: signal.signal(each, server.handle_exit) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run(sockets=[listening])
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if faults:
        raise faults[0]
