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

from hub.cli.starting import Start
from hub.cli.wiring import (
    config_option,
    connection,
    end_when_kafka_moves,
    fail,
    heartbeat_option,
    service_settings,
    spare_the_garbage_collector,
)
from hub.config.load import ConfigurationError
from hub.config.settings import Settings
from hub.ledger.database import StoreUrlError
from hub.log.admin_client import LogAdminError, TopicMismatchError
from hub.log.connection import KafkaConnection
from hub.log.records import NewerFormatError
from hub.notify import ready
from hub.processors.selection import UnknownProcessorError
from hub.processors.watchdog import end_when_blocked
from hub.processors.worker import WorkerFailedError, run_worker, unless
from hub.supervisor import CONFIGURATION_ERROR

_log = logging.getLogger("hub.worker")


@click.command(name="worker", short_help="Route events and deliver them.")
@config_option
@heartbeat_option
@click.option(
    "--only",
    multiple=True,
    metavar="WHAT",
    help="route, delay, deliver, shared (all not isolated), status, or a destination; may be repeated.",
)
def command(config: Path, heartbeat: Path | None, only: tuple[str, ...]) -> None:
    """Route events to deliveries, deliver them, and keep the rows for `hub status`: everything, or --only some of it.

    Run as many as you like: they share the partitions. While Kafka is away it waits. SIGTERM and Ctrl-C finish what is
    in flight and commit exactly what was delivered; a connector that hangs is cut off after 30 s at most.
    """
    settings = service_settings()
    try:
        kafka = connection(settings)
        start = Start(config, kafka)
        end_when_kafka_moves(settings, kafka)
        uvloop.run(work(start, settings, kafka, only, heartbeat))
    except (ConfigurationError, UnknownProcessorError, TopicMismatchError, StoreUrlError) as error:
        fail(str(error), CONFIGURATION_ERROR)
    except LogAdminError as error:
        fail(str(error))


async def work(
    start: Start,
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
    code = 0
    try:
        await _run(start, settings, kafka, only, heartbeat, stop)
    except NewerFormatError as error:
        _log.critical("a newer hub has written here, upgrade this one", extra={"error": str(error)})
        code = 1
    except WorkerFailedError as error:
        _log.critical("worker failed, to be started anew", exc_info=error.__cause__, extra={"reason": str(error)})
        code = 1
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


async def _run(
    start: Start,
    settings: Settings,
    kafka: KafkaConnection,
    only: tuple[str, ...],
    heartbeat: Path | None,
    stop: asyncio.Event,
) -> None:
    beginning = await unless(stop, start.in_force())
    if beginning is None:
        return
    live = beginning.result()
    spare_the_garbage_collector()
    try:
        await run_worker(
            live.current, kafka, settings, only=only, stop=stop, on_ready=lambda: ready(heartbeat), revisions=live
        )
    finally:
        await live.close()
