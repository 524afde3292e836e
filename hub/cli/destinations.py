"""``hub destinations``: what is done to a destination as a whole."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from hub.cli.change.log import by_option, whoami
from hub.cli.controls import write_control
from hub.cli.wiring import config_option, connection, fail, load_configuration, settings
from hub.config.problems import did_you_mean
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.records import NewerFormatError, partition_for
from hub.log.revisions import RevisionLog, retired
from hub.log.writer import WriteFailedError
from hub.supervisor import CONFIGURATION_ERROR
from schemas.attributes import ERROR_BUDGET, truncate_text
from schemas.control import Control


@click.group(name="destinations", short_help="Give up what waits for a destination that is gone.")
def command() -> None:
    """Destinations as a whole."""


@command.command(name="discard", short_help="Give up what waits for a retired destination.")
@click.argument("destination")
@click.option("--reason", default="", help="Why, for whoever wonders later.")
@by_option
@config_option
def discard(destination: str, reason: str, by: str | None, config: Path) -> None:
    """Give up everything that waits for DESTINATION, which is no longer configured. Its worker writes down that each
    was discarded, by whom and why; nothing is sent. What comes back from a retry is discarded, too.
    """
    configuration = load_configuration(config)
    kafka = connection(settings())
    try:
        history = asyncio.run(RevisionLog(kafka, configuration.topics).history_if_any())
        now_there = history[-1].destinations if history else tuple(configuration.destinations)
        former = retired(history, now_there)
        if destination in now_there:
            fail(f"{destination} is configured; take it out of the configuration first, or `hub pause` it", 2)
        if destination not in former:
            hint = did_you_mean(destination, former) or f"; retired: {', '.join(former) or 'none'}"
            fail(f"there was no destination {destination!r}{hint}", CONFIGURATION_ERROR)
        who, why = by or whoami(), truncate_text(reason, ERROR_BUDGET)
        control = Control(destination, paused=False, by=who, reason=why, at=datetime.now(UTC), discard=True)
        partition = partition_for(destination, configuration.log.partitions)
        asyncio.run(write_control(kafka, configuration.topics.controls, partition, control))
    except (KafkaUnavailableError, LogAdminError, NewerFormatError) as error:
        fail(str(error))
    except WriteFailedError as error:
        fail(f"Kafka at {kafka.bootstrap} did not take it ({error}); try again")
    click.echo(f"What waits for {destination} is given up; a worker writes it down. `hub status` says when it is done.")
