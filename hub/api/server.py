"""Runs the api under uvicorn: on SIGTERM or SIGINT streams end, what is asked is answered, and it returns."""

import socket
from collections.abc import Callable

from starlette.applications import Starlette

from hub.serving import server
from hub.serving.certificate import CertificateFiles

DRAIN = 10
"""Seconds that what is asked may take when the service is told to stop."""

_MOST_CONNECTIONS = 2000


def create_server(app: Starlette, certificate: CertificateFiles | None, on_drain: Callable[[], None]) -> server.Server:
    """Raises CertificateError: the certificate's files cannot be used."""
    return server.Server(
        app, on_drain, certificate, limit_concurrency=_MOST_CONNECTIONS, timeout_graceful_shutdown=DRAIN
    )


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises AddressInUseError."""
    return server.bind(host, port, backlog=512)
