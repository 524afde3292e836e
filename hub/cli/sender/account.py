"""What the commands about a sender's account begin with: the source, its kept secrets, its address."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from connectors.api import Context, OutgoingHttp, Registrar, Registration, SenderApiError, Source
from hub.cli.wiring import config_option, fail, load_configuration, settings
from hub.config.kept_secrets import KeptSecret, KeptSecretError, KeptSecrets
from hub.config.known_secrets import keeps_secrets
from hub.config.model import Configuration, SourceEntry
from hub.config.problems import did_you_mean
from hub.config.settings import Settings
from hub.supervisor import CONFIGURATION_ERROR

AnswerT = TypeVar("AnswerT")
CommandT = TypeVar("CommandT", bound=Callable[..., object])


def source_argument(command: CommandT) -> CommandT:
    """SOURCE and --config, as every one of these commands takes them."""
    return click.argument("source", required=False)(config_option(command))


@dataclass(frozen=True, slots=True)
class Chosen:
    """The source that a command is about."""

    configuration: Configuration
    settings: Settings
    entry: SourceEntry
    source: Source[Any]


@dataclass(frozen=True, slots=True)
class Account:
    """A source's side of the registration. ``url`` is where its webhooks are to go."""

    name: str
    registrar: Registrar
    kept: KeptSecrets
    url: str
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def ours(self) -> list[Registration]:
        """The registrations of our URL, the oldest first; there should be one at most."""
        return [each for each in await self.registrar.registrations() if each.url.rstrip("/") == self.url]

    def secrets_of(self, registration: str) -> list[KeptSecret]:
        """Those that are kept and valid, the oldest first."""
        now = self.clock()
        return [each for each in self.kept.all() if each.registration == registration and each.valid(now)]


def choose(name: str | None, config: Path, half: type[Any]) -> Chosen:
    """The named source, or the only one of the command's type, which must have that half: Registrar or Reconciler.
    Exits with 2 where there is none.
    """
    wanted: str = click.get_current_context().obj
    found = settings()
    configuration = load_configuration(config)
    entries = {each.name: each for each in configuration.sources.values() if each.connector.name == wanted}
    if name is None and len(entries) == 1:
        name = next(iter(entries))
    if name is None:
        names = ", ".join(entries) or f"none; `hub connectors {wanted}` shows what to write into {config}"
        fail(f"which source? Of type {wanted} there is {names}", CONFIGURATION_ERROR)
    entry = entries.get(name)
    if entry is None:
        known = ", ".join(entries) or "none"
        hint = did_you_mean(name, entries)
        fail(f"there is no source {name!r} of type {wanted}, only {known}{hint}", CONFIGURATION_ERROR)
    if not issubclass(entry.connector, half):
        fail(f"sources of type {wanted} cannot do that", CONFIGURATION_ERROR)
    http = OutgoingHttp(allow_private=found.allow_private)
    context = Context(name, found.home, logging.getLogger(f"source.{name}"), http)
    return Chosen(configuration, found, entry, entry.connector(entry.config, context))


def account_of(chosen: Chosen) -> Account:
    """Exits with 2 where nobody said how the sender reaches the hub."""
    registrar, name = chosen.source, chosen.entry.name
    assert isinstance(registrar, Registrar)
    if registrar.public_url is None:
        fail(
            f"{chosen.entry.where}: source {name} has no `public_url`; write where the internet reaches this hub, "
            "https://hub.example.com (a tunnel's address will do)",
            CONFIGURATION_ERROR,
        )
    url = f"{registrar.public_url.rstrip('/')}/in/{name}"
    return Account(name, registrar, KeptSecrets(chosen.settings.home, name), url)


def refuse_written_secrets(chosen: Chosen) -> None:
    """A kept secret counts only where none are written. Exits with 2."""
    if not keeps_secrets(chosen.entry, chosen.settings.home):
        fail(
            f"{chosen.entry.where}: source {chosen.entry.name} has `secrets` of its own, so that one kept by this "
            "command would not count; remove `secrets` there, or manage the webhook where they come from",
            CONFIGURATION_ERROR,
        )


def run(work: Coroutine[Any, Any, AnswerT]) -> AnswerT:
    """Do it; what went wrong ends the command with 1."""
    try:
        return asyncio.run(work)
    except (SenderApiError, KeptSecretError) as error:
        fail(str(error))
