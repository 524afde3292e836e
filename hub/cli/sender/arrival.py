"""Waits for a ping to come back: through the internet, the ingress and Kafka, into this hub's log."""

import asyncio
from datetime import datetime, timedelta

import click

from connectors.api import UnknownRegistrationError
from hub.cli.sender.account import Account, Chosen
from hub.cli.wiring import connection, fail
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.reader import LogReader, StoredEvent
from hub.log.records import NewerFormatError

_LOOK_EVERY = 0.5  # seconds
_FIRST_PAUSE = 3.0
"""A ping that was refused, since the ingress had not read the new secret yet, is repeated by its sender much later."""
_CLOCKS = timedelta(minutes=2)


def log_of(chosen: Chosen) -> LogReader:
    """Exits with 1 where there is no Kafka."""
    return LogReader(connection(chosen.settings), chosen.configuration.topics)


async def ping(account: Account, registration: str, log: LogReader, timeout: float) -> StoredEvent | None:  # noqa: ASYNC109  (of everything together)
    """Ping until an event of the source arrives; None where none does. Any event will do: it came all the way."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    since = account.clock() - _CLOCKS
    before = {(each.partition, each.offset) for each in await arrived(account.name, log, since)}
    pause = _FIRST_PAUSE
    while loop.time() < deadline:
        await account.registrar.ping(registration)
        again, pause = min(loop.time() + pause, deadline), 2 * pause
        while loop.time() < again:
            await asyncio.sleep(_LOOK_EVERY)
            for event in await arrived(account.name, log, since):
                if (event.partition, event.offset) not in before:
                    return event
    return None


async def arrived(source: str, log: LogReader, since: datetime) -> list[StoredEvent]:
    """The events of a source that came in by a webhook. Exits with 1 where Kafka does not answer."""

    def read() -> list[StoredEvent]:
        return [each for each in log.events(since) if each.event.source == source and "key" in each.event.verified]

    try:
        return await asyncio.to_thread(read)
    except (KafkaUnavailableError, LogAdminError, NewerFormatError) as error:
        fail(str(error))


async def tell_ping(account: Account, registration: str, log: LogReader, timeout: float) -> bool:  # noqa: ASYNC109
    """Ping, and say what became of it."""
    click.echo("waiting for a ping to come back through the hub …", err=True)
    try:
        found = await ping(account, registration, log, timeout)
    except UnknownRegistrationError:
        fail(f"the registration {registration} is gone; `hub {click.get_current_context().obj} register` makes another")
    if found is None:
        click.echo(
            f"no ping arrived within {timeout:g} s. Does {account.url} lead to this hub, and does its ingress read "
            f"{account.kept.folder}? Its log says what it refused.",
            err=True,
        )
        return False
    event = found.event
    click.echo(f"it arrived: {event.type}, event {event.id}, verified with key {event.verified.get('key')}")
    return True
