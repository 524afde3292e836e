"""``hub ingress``: receives webhooks."""

import asyncio
import logging
from pathlib import Path

import click

from connectors.api import Context, OutgoingHttp
from hub.cli.tls import certificate, tls_options
from hub.cli.wiring import (
    config_option,
    connection,
    end_when_kafka_moves,
    fail,
    heartbeat_option,
    load_configuration,
    proxies,
    service_settings,
    spare_the_garbage_collector,
)
from hub.config.model import Configuration
from hub.config.settings import Settings
from hub.ingress.app import create_app
from hub.ingress.event_log import EventLog
from hub.ingress.limits import Limits
from hub.ingress.server import Listen, bind, create_server, run
from hub.log.admin import LogAdmin
from hub.log.admin_client import LogAdminError, TopicMismatchError
from hub.log.connection import KafkaConnection
from hub.log.topics import max_record_bytes, topic_specs
from hub.log.writer import LogWriter
from hub.notify import ready
from hub.serving.certificate import CertificateError
from hub.serving.server import AddressInUseError
from hub.supervisor import CONFIGURATION_ERROR

_log = logging.getLogger("hub.ingress")
_ADMIN_TIMEOUT = 5.0  # seconds: a stop waits for a check of the topics that has begun


@click.command(name="ingress", short_help="Receive webhooks.")
@config_option
@heartbeat_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port; 0 for a free one.")
@tls_options
@click.option(
    "--forwarded-allow-ips",
    default="",
    callback=proxies,
    help="Proxies (addresses or networks, comma-separated) whose X-Forwarded-For, -Proto and -Host are believed.",
)
@click.option(
    "--max-connections",
    type=click.IntRange(1),
    default=Limits().max_connections,
    show_default=True,
    help="Open connections; further ones are answered 503.",
)
@click.option(
    "--max-requests",
    type=click.IntRange(1),
    default=Limits().max_requests,
    show_default=True,
    help="Requests in flight; further ones are answered 503.",
)
def command(  # noqa: PLR0917  (click passes options by name)
    config: Path,
    heartbeat: Path | None,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    forwarded_allow_ips: str,
    max_connections: int,
    max_requests: int,
) -> None:
    """Receive webhooks: POST /in/SOURCE[/ENDPOINT] is verified, stored in Kafka, and only then answered 202.

    /healthz says that it lives, /readyz that it can store. While Kafka is away, requests are answered 503 and senders
    repeat them. SIGTERM and Ctrl-C finish what is in flight.
    """
    files = certificate(tls_cert, tls_key)
    settings = service_settings()
    configuration = load_configuration(config)
    if not configuration.sources:
        fail(f"{config} has no `sources:`, so there is nothing to receive", CONFIGURATION_ERROR)
    listen = Listen(host, port, files, forwarded_allow_ips)
    limits = Limits(max_connections=max_connections, max_requests=max_requests)
    kafka = connection(settings)
    end_when_kafka_moves(settings, kafka)
    serve(configuration, settings, kafka, listen, limits, heartbeat)


def serve(
    configuration: Configuration,
    settings: Settings,
    kafka: KafkaConnection,
    listen: Listen,
    limits: Limits,
    heartbeat: Path | None = None,
) -> None:
    """Run the ingress until it is told to stop. Exits with 1 or 2 where it cannot run."""
    log = event_log(configuration, kafka, limits)
    http = OutgoingHttp(allow_private=settings.allow_private)
    app = create_app(
        configuration,
        log,
        lambda name: Context(name, settings.home, logging.getLogger(f"source.{name}"), http),
        limits=limits,
        durability=_durability(configuration),
        on_fault=lambda fault: server.fail(fault),  # noqa: PLW0108  (there is no server yet)
        on_ready=lambda: ready(heartbeat),
    )
    try:
        server = create_server(app, listen, limits, on_drain=log.drain)
        listening = bind(listen)
        host, port = listening.getsockname()[:2]
        _log.info("receiving webhooks", extra={"at": f"{_scheme(listen)}://{host}:{port}/in/<source>"})
        spare_the_garbage_collector()
        run(server, listening, limits)
    except CertificateError as error:
        fail(f"TLS cannot be served: {error}", CONFIGURATION_ERROR)
    except TopicMismatchError as error:
        fail(str(error), CONFIGURATION_ERROR)
    except (AddressInUseError, LogAdminError) as error:
        fail(str(error))


def event_log(configuration: Configuration, kafka: KafkaConnection, limits: Limits) -> EventLog:
    """The hub's events topic; nothing is connected yet."""
    max_body = configuration.max_body
    admin = LogAdmin(kafka, configuration.layout, timeout=_ADMIN_TIMEOUT)

    async def prepare() -> None:
        await asyncio.to_thread(admin.ensure)

    writer = LogWriter(
        kafka,
        max_pending_records=limits.max_requests,
        max_pending_bytes=max(limits.max_buffered, max_record_bytes(max_body)),
        max_record_bytes=max_record_bytes(max_body),
        drain_timeout=limits.answer_timeout,
    )
    return EventLog(writer, topic=configuration.topics.events, partitions=configuration.log.partitions, prepare=prepare)


def _scheme(listen: Listen) -> str:
    return "https" if listen.certificate else "http"


def _durability(configuration: Configuration) -> dict[str, object]:
    """What a 202 survives, as the events topic is made."""
    events = topic_specs(configuration.layout)[0]
    return {
        "replication": events.replication,
        "min_insync_replicas": int(events.configs["min.insync.replicas"]),
        "fsync": events.configs["flush.messages"] == "1",
    }
