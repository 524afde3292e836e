"""``hub api``: the hub over HTTP, for programs that read no Kafka."""

import ipaddress
import logging
import socket
from pathlib import Path

import click

from hub.api.app import create_app
from hub.api.server import bind, create_server
from hub.cli.api_address import announce
from hub.cli.starting import Start
from hub.cli.tls import certificate, tls_options
from hub.cli.wiring import (
    config_option,
    connection,
    end_when_kafka_moves,
    fail,
    heartbeat_option,
    service_settings,
)
from hub.config.known_secrets import known_secrets
from hub.config.load import ConfigurationError
from hub.ledger.database import StoreUrlError
from hub.ledger.store import store_at
from hub.log.admin_client import LogAdminError, TopicMismatchError
from hub.log.records import NewerFormatError
from hub.notify import ready
from hub.serving.certificate import CertificateError
from hub.serving.server import AddressInUseError, run
from hub.supervisor import CONFIGURATION_ERROR

DEFAULT_PORT = 8081


_log = logging.getLogger("hub.api")


@click.command(name="api", short_help="Answer what arrived and what became of it, over HTTP.")
@config_option
@heartbeat_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need HUB_TOKEN.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="Port; 0 for a free one."
)
@tls_options
@click.option("--any-port", is_flag=True, help="Take a free port where this one is taken.")
def command(
    config: Path,
    heartbeat: Path | None,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    any_port: bool,
) -> None:
    """Answer over HTTP, for programs that read no Kafka: events, what became of each, following them as they come, and
    waiting for the event that ends a job. `hub.client` and `hub wait` use it.

    On loopback it answers this machine alone; on other addresses whoever brings HUB_TOKEN. SIGTERM and Ctrl-C end the
    streams, whose listeners come back where they were.
    """
    files = certificate(tls_cert, tls_key)
    settings = service_settings()
    if settings.token is None and not _is_loopback(host):
        fail(
            f"{host} is not this machine alone: set HUB_TOKEN (`openssl rand -hex 32` makes one), or use 127.0.0.1",
            CONFIGURATION_ERROR,
        )
    kafka = connection(settings)
    end_when_kafka_moves(settings, kafka)
    start = Start(config, kafka)
    configuration = start.first()
    app, api = create_app(
        configuration,
        kafka,
        stores=lambda current: store_at(current.status.url, settings.home, current.topics.hub),
        token=settings.token,
        known=lambda current: known_secrets(current, settings.home),
        on_ready=lambda: ready(heartbeat),
        on_fault=lambda fault: server.fail(fault),  # noqa: PLW0108  (there is no server yet)
        begin=start.in_force,
    )
    try:
        server = create_server(app, files, on_drain=api.drain)
        listening = _bind_any(host, port) if any_port else bind(host, port)
        url = announce(settings, "https" if files else "http", *listening.getsockname()[:2])
        _log.info("answering", extra={"at": url})
        run(server, listening)
    except CertificateError as error:
        fail(f"TLS cannot be served: {error}", CONFIGURATION_ERROR)
    except (ConfigurationError, TopicMismatchError, StoreUrlError) as error:
        fail(str(error), CONFIGURATION_ERROR)
    except (AddressInUseError, LogAdminError, NewerFormatError) as error:
        fail(str(error))


def _bind_any(host: str, port: int) -> socket.socket:
    try:
        return bind(host, port)
    except AddressInUseError as error:
        listening = bind(host, 0)
        taken = listening.getsockname()[1]
        _log.warning("another port is taken for the api", extra={"wanted": port, "port": taken, "why": str(error)})
        return listening


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
