"""Which dead letters a command is about, and how it gets at them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from hub.cli.moments import Moment
from hub.cli.wiring import config_option, connection, fail, load_configuration, settings
from hub.config.model import Configuration
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.records import NewerFormatError
from hub.log.scanner import LogScanner
from hub.replay.dead_letters import DeadLetters
from hub.replay.letters import Choice

P = ParamSpec("P")
ReturnT = TypeVar("ReturnT")


@dataclass(frozen=True, slots=True)
class DeadLog:
    """The dead letters of a hub, and what else a command needs."""

    configuration: Configuration
    kafka: KafkaConnection
    admin: LogAdmin
    letters: DeadLetters


@contextmanager
def dead_log(config: Path) -> Iterator[DeadLog]:
    """Ends the command with a message when the log cannot be read."""
    configuration = load_configuration(config)
    kafka = connection(settings())
    admin = LogAdmin(kafka, configuration.layout)
    try:
        yield DeadLog(configuration, kafka, admin, DeadLetters(LogScanner(kafka), admin, configuration.topics))
    except (LogAdminError, KafkaUnavailableError, NewerFormatError) as error:
        fail(str(error))


def choice_options(command: Callable[Concatenate[Choice, P], ReturnT]) -> Callable[..., ReturnT]:
    """The options that choose letters; the command gets them as one Choice, first."""

    @click.option("--destination", help="For this destination only.")
    @click.option("--route", help="By this route only.")
    @click.option("--error", help="Whose error has this in it; with * or ?, whose whole error is like this.")
    @click.option("--id", "letter_id", metavar="ID", help="Of this event, or this delivery, only.")
    @click.option("--since", type=Moment(), help="Died since then.")
    @click.option("--until", type=Moment(), help="Died before then.")
    @config_option
    @wraps(command)
    def chosen(
        *args: Any,
        destination: str | None,
        route: str | None,
        error: str | None,
        letter_id: str | None,
        since: datetime | None,
        until: datetime | None,
        **others: Any,
    ) -> ReturnT:
        choice = Choice(destination, route, error, letter_id, since, until)
        return command(choice, *args, **others)

    return chosen
