"""Runs the ingress under uvicorn: binds, serves, and on SIGTERM or SIGINT drains and returns.

On a stop: no new connections, ``/readyz`` says 503, requests in flight are answered within ``Limits.drain_timeout``,
then the writer is flushed. What a sender was not told 202 for, it repeats.
"""

import logging
import math
import resource
import socket
from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette

from hub.ingress.forwarded import believing
from hub.ingress.limits import Limits
from hub.ingress.log_limit import LogLimit
from hub.ingress.protocol import guarded_protocol
from hub.serving import server
from hub.serving.certificate import CertificateFiles

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


def bind(listen: Listen) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises AddressInUseError."""
    return server.bind(listen.host, listen.port, backlog=2048)


def create_server(app: Starlette, listen: Listen, limits: Limits, on_drain: Callable[[], None]) -> server.Server:
    """The server of an application; give it to `run`. ``on_drain`` is called when the stop begins.

    Raises:
        CertificateError: the certificate's files cannot be used.
    """
    return server.Server(
        believing(listen.forwarded_allow_ips, app),
        on_drain,
        listen.certificate,
        http=guarded_protocol(limits),
        timeout_keep_alive=math.ceil(limits.keep_alive),
        timeout_graceful_shutdown=math.ceil(limits.drain_timeout),
    )


def run(serving: server.Server, listening: socket.socket, limits: Limits) -> None:
    """Serve until SIGTERM or SIGINT, or until ``serving.fail``, and drain. Call it in the main thread.

    Raises:
        Exception: the fault that ``serving.fail`` was told.
    """
    _allow_open_files(limits.max_connections + _OTHER_FILES)
    for name in _NOISY:
        logging.getLogger(name).addFilter(LogLimit())
    server.run(serving, listening)


def _allow_open_files(wanted: int) -> None:
    """Each connection is an open file, and many systems start processes with 1,024 of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < ceiling:
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
    if ceiling < wanted:
        _log.warning("few open files are allowed; raise `ulimit -n`", extra={"allowed": ceiling, "wanted": wanted})
