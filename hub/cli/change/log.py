"""What the commands that change the configuration share: who asks, what is in force, and putting another in place."""

import asyncio
import getpass
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import click

from hub.cli.wiring import connection, fail, settings
from hub.config.files import name_in
from hub.config.load import ConfigurationError, load, load_texts
from hub.config.model import Configuration
from hub.config.revisions import refusals
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.records import NewerFormatError
from hub.log.revisions import RevisionConflictError, RevisionLog, RevisionTooLargeError
from hub.log.topics import Topics, max_record_bytes
from hub.supervisor import CONFIGURATION_ERROR
from schemas.revision import AppliedRevision

why_option = click.option("-m", "--why", metavar="WHY", required=True, help="Why, for whoever wonders later.")
by_option = click.option("--by", help="Who decided it.  [default: user@host]")
no_env_option = click.option(
    "--no-env", is_flag=True, help="Accept variables that are not set here, where the secrets are elsewhere."
)
timeout_option = click.option(
    "--timeout", type=click.FloatRange(0.1, 600), default=15.0, show_default=True, help="Seconds to wait for Kafka."
)


_OF_TOPICS = {"name", "log", "retry"}
"""What topics are named and made by."""


def whoami() -> str:
    """``user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container the user may have no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def loaded(path: Path, *, expand: bool = True, code: int = CONFIGURATION_ERROR) -> Configuration:
    """Ends the command with ``code``, every problem on a line of its own, where the file cannot be used."""
    try:
        configuration = load(path, os.environ, expand=expand)
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        raise SystemExit(code) from error
    if unknown := sorted(configuration.unset & _OF_TOPICS):
        fail(
            f"{path}: `{unknown[0]}` has a variable, and without it nobody knows the topics; set it, or write it out",
            code,
        )
    return configuration


def hub_at(path: Path) -> str:
    """The name of the hub whose file is at ``path``, whatever else is wrong with it. Ends the command with 2 where it
    has none.
    """
    name = name_in(path) if path.exists() else Topics().hub
    return name if name is not None else loaded(path).name


class Revisions:
    """The revisions of one hub. Every method ends the command with 1 where Kafka does not answer, or refuses."""

    def __init__(self, hub: str, timeout: float) -> None:
        self._topics = Topics(hub)
        self._timeout = timeout
        self.kafka: KafkaConnection = connection(settings())

    def history(self) -> Sequence[AppliedRevision]:
        """Every one, the newest last; none before the first was applied."""
        log = RevisionLog(self.kafka, self._topics, self._timeout)
        try:
            return asyncio.run(log.history_if_any())
        except (KafkaUnavailableError, LogAdminError, NewerFormatError) as error:
            fail(str(error))

    def append(self, change: AppliedRevision, configuration: Configuration) -> None:
        """Put it into force. Ends the command with 1 where somebody else was faster, or it is too large."""
        limit = max_record_bytes(configuration.max_body)
        try:
            LogAdmin(self.kafka, configuration.layout, self._timeout).ensure()
            asyncio.run(RevisionLog(self.kafka, self._topics, self._timeout).append(change, limit))
        except RevisionConflictError as error:
            fail(f"{error}. Nothing was changed; look at `hub history`, and then decide again")
        except (KafkaUnavailableError, LogAdminError, NewerFormatError, RevisionTooLargeError) as error:
            fail(str(error))


def as_it_was(applied: AppliedRevision, path: Path) -> Configuration | None:
    """A revision, to be compared with: its variables may be unset. None where only an older hub could read it."""
    try:
        return load_texts(applied.texts, path, os.environ, may_lack=True)
    except ConfigurationError:
        return None


def refuse_impossible(current: Configuration | None, new: Configuration) -> None:
    """End the command with 1 where a hub that runs ``current`` cannot become ``new`` while it runs."""
    if current is not None and (problems := list(refusals(current, new))):
        fail("\n".join(problems))
