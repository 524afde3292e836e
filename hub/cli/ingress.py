"""``hub ingress``: receives webhooks."""

import logging
from pathlib import Path

import click

from connectors.api import Context, OutgoingHttp
from hub.cli.ingress_following import Following
from hub.cli.starting import Start
from hub.cli.tls import certificate, tls_options
from hub.cli.wiring import (
    config_option,
    connection,
    end_when_kafka_moves,
    fail,
    heartbeat_option,
    proxies,
    service_settings,
    spare_the_garbage_collector,
)
from hub.config.load import ConfigurationError
from hub.config.model import Configuration
from hub.config.settings import Settings
from hub.ingress.app import create_app
from hub.ingress.event_log import EventLog
from hub.ingress.inlets import Inlets
from hub.ingress.limits import Limits
from hub.ingress.server import Listen, bind, create_server, run
from hub.log.admin_client import LogAdminError, TopicMismatchError
from hub.log.connection import KafkaConnection
from hub.log.records import NewerFormatError
from hub.log.topics import HEADROOM, topic_specs
from hub.log.writer import LogWriter
from hub.notify import ready
from hub.serving.certificate import CertificateError
from hub.serving.server import AddressInUseError
from hub.supervisor import CONFIGURATION_ERROR

_log = logging.getLogger("hub.ingress")
_LARGEST_RECORD = 64_000_000


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
    listen = Listen(host, port, files, forwarded_allow_ips)
    limits = Limits(max_connections=max_connections, max_requests=max_requests)
    kafka = connection(settings)
    end_when_kafka_moves(settings, kafka)
    serve(Start(config, kafka), settings, kafka, listen, limits, heartbeat)


def serve(
    start: Start,
    settings: Settings,
    kafka: KafkaConnection,
    listen: Listen,
    limits: Limits,
    heartbeat: Path | None = None,
) -> None:
    """Run the ingress until it is told to stop. Exits with 1 or 2 where it cannot run."""
    configuration = start.first()
    if not configuration.sources:
        fail("there are no `sources:`, so there is nothing to receive", CONFIGURATION_ERROR)
    http = OutgoingHttp(allow_private=settings.allow_private)

    def context(name: str) -> Context:
        return Context(name, settings.home, logging.getLogger(f"source.{name}"), http)

    inlets = Inlets(configuration.sources, context, limits.max_stored_headers)
    writer = _writer(kafka, limits)
    following = Following(start, kafka, inlets, writer)
    topic, partitions = configuration.topics.events, configuration.log.partitions
    log = EventLog(writer, topic=topic, partitions=partitions, prepare=following.prepare)
    app = create_app(
        inlets,
        log,
        limits=limits,
        durability=_durability(configuration),
        on_fault=lambda fault: server.fail(fault),  # noqa: PLW0108  (there is no server yet)
        on_ready=lambda: ready(heartbeat),
        beside=following.run,
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
    except (ConfigurationError, TopicMismatchError) as error:
        fail(str(error), CONFIGURATION_ERROR)
    except (AddressInUseError, LogAdminError, NewerFormatError) as error:
        fail(str(error))


def _writer(kafka: KafkaConnection, limits: Limits) -> LogWriter:
    """For every ``max_body`` there may be one day; sources refuse what is larger than theirs."""
    return LogWriter(
        kafka,
        max_pending_records=limits.max_requests,
        max_pending_bytes=max(limits.max_buffered, _LARGEST_RECORD),
        max_record_bytes=_LARGEST_RECORD,
        max_batch_bytes=HEADROOM,  # every topic takes at least that
        drain_timeout=limits.answer_timeout,
    )


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
