"""Runs the ingress under uvicorn: binds, serves, and on SIGTERM or SIGINT drains and returns.

On a stop: no new connections, ``/readyz`` says 503, requests in flight are answered within ``Limits.drain_timeout``,
then the writer is flushed. What a sender was not told 202 for, it repeats.
"""

import asyncio
import logging
import math
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from hub.ingress.certificate import CertificateFiles
from hub.ingress.certificate_rotation import CertificateRotation
from hub.ingress.forwarded import believing
from hub.ingress.limits import Limits
from hub.ingress.log_limit import LogLimit
from hub.ingress.protocol import guarded_protocol

_log = logging.getLogger(__name__)

_OTHER_FILES = 256  # beside the connections: Kafka, logs, libraries
_NOISY = ("hub.ingress.refused", "uvicorn.error", "uvicorn.asgi")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen, and with which certificate. ``forwarded_allow_ips``: addresses or networks of proxies,
    comma-separated, whose X-Forwarded-For, -Proto and -Host are believed; none unless told.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    certificate: CertificateFiles | None = None
    forwarded_allow_ips: str = ""


class AddressInUseError(OSError):
    """The address cannot be listened on. The message says which, and why."""


class IngressServer(uvicorn.Server):
    """uvicorn's server, telling the application before it drains, and following the certificate's files.

    Its signal handlers stay in place around `run`, so that the signal uvicorn raises again once it has stopped finds
    them, and the process ends with 0 instead of dying of it.
    """

    def __init__(
        self, config: uvicorn.Config, on_drain: Callable[[], None], rotation: CertificateRotation | None = None
    ) -> None:
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


def bind(listen: Listen) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises:
        AddressInUseError: taken, not ours, or not allowed.
    """
    try:
        family, *_, address = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise AddressInUseError(
            f"cannot listen on {listen.host} port {listen.port}: {error.strerror or error}; choose another with --host "
            "and --port, or stop what has it"
        ) from error


def create_server(app: Starlette, listen: Listen, limits: Limits, on_drain: Callable[[], None]) -> IngressServer:
    """The server of an application; give it to `run`. ``on_drain`` is called when the stop begins.

    Raises:
        CertificateError: the certificate's files cannot be used.
    """
    rotation = None if listen.certificate is None else CertificateRotation(listen.certificate)
    config = uvicorn.Config(
        believing(listen.forwarded_allow_ips, app),
        http=guarded_protocol(limits),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `believing` does it, and the host, too
        ssl_context_factory=None if rotation is None else lambda _config, _default: rotation.context,
        timeout_keep_alive=math.ceil(limits.keep_alive),
        timeout_graceful_shutdown=math.ceil(limits.drain_timeout),
    )
    return IngressServer(config, on_drain, rotation)


def run(server: IngressServer, listening: socket.socket, limits: Limits) -> None:
    """Serve until SIGTERM or SIGINT, or until ``server.fail``, and drain. Call it in the main thread.

    Raises:
        Exception: the fault that ``server.fail`` was told.
    """
    _allow_open_files(limits.max_connections + _OTHER_FILES)
    for name in _NOISY:
        logging.getLogger(name).addFilter(LogLimit())
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    before = {each: signal.signal(each, server.handle_exit) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run(sockets=[listening])
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if server.fault is not None:
        raise server.fault


def _allow_open_files(wanted: int) -> None:
    """Each connection is an open file, and many systems start processes with 1,024 of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < ceiling:
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
    if ceiling < wanted:
        _log.warning("few open files are allowed; raise `ulimit -n`", extra={"allowed": ceiling, "wanted": wanted})
