"""``hub worker``: routes events and delivers them."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import click
import uvloop

from hub.cli.wiring import (
    config_option,
    connection,
    end_when_kafka_moves,
    fail,
    heartbeat_option,
    load_configuration,
    service_settings,
    spare_the_garbage_collector,
)
from hub.config.model import Configuration
from hub.config.settings import Settings
from hub.ledger.database import StoreUrlError
from hub.log.admin_client import LogAdminError, TopicMismatchError
from hub.log.connection import KafkaConnection
from hub.notify import ready
from hub.processors.watchdog import end_when_blocked
from hub.processors.worker import UnknownProcessorError, WorkerFailedError, run_worker
from hub.supervisor import CONFIGURATION_ERROR

_log = logging.getLogger("hub.worker")


@click.command(name="worker", short_help="Route events and deliver them.")
@config_option
@heartbeat_option
@click.option(
    "--only", multiple=True, metavar="WHAT", help="route, delay, deliver, status, or a destination; may be repeated."
)
def command(config: Path, heartbeat: Path | None, only: tuple[str, ...]) -> None:
    """Route events to deliveries, deliver them, and keep the rows for `hub status`: everything, or --only some of it.

    Run as many as you like: they share the partitions. While Kafka is away it waits. SIGTERM and Ctrl-C finish what is
    in flight and commit exactly what was delivered; a connector that hangs is cut off after 30 s at most.
    """
    settings = service_settings()
    configuration = load_configuration(config)
    try:
        kafka = connection(settings)
        end_when_kafka_moves(settings, kafka)
        uvloop.run(work(configuration, settings, kafka, only, heartbeat))
    except (UnknownProcessorError, TopicMismatchError, StoreUrlError) as error:
        fail(str(error), CONFIGURATION_ERROR)
    except LogAdminError as error:
        fail(str(error))


async def work(
    configuration: Configuration,
    settings: Settings,
    kafka: KafkaConnection,
    only: tuple[str, ...],
    heartbeat: Path | None,
) -> NoReturn:
    """Run until a signal, and end the process: a connector that ignores being cancelled must not keep it alive."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    end_when_blocked(loop)
    spare_the_garbage_collector()
    code = 0
    try:
        await run_worker(configuration, kafka, settings, only=only, stop=stop, on_ready=lambda: ready(heartbeat))
    except WorkerFailedError as error:
        _log.critical("worker failed, to be started anew", exc_info=error.__cause__, extra={"reason": str(error)})
        code = 1
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)
