"""``hub events``: what arrived, and what became of it."""

import asyncio
import heapq
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from connectors.api import ArchiveUnreadableError
from hub.cli.archives import archive_of, archive_option
from hub.cli.event_life import delivery_lines
from hub.cli.finding import find_events, newest, order_received
from hub.cli.moments import Moment
from hub.cli.printing import (
    decision_line,
    event_json,
    printable,
    shown_body,
    shown_time,
    to_json,
)
from hub.cli.progress import reading
from hub.cli.tables import wide_console
from hub.cli.wiring import config_option, connection, fail, hub_name, json_option, load_configuration, settings
from hub.ledger.life import Life, life_of
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.reader import LogReader, StoredEvent
from hub.log.records import NewerFormatError
from hub.log.topics import Topics
from hub.replay.archived import archived_events
from hub.replay.progress import ArchivePosition


@click.group(name="events", short_help="What arrived, and what became of it.")
def command() -> None:
    """Look at events in the log. Ids are the senders' (CloudEvents ids); reading disturbs nobody."""


@command.command(name="list")
@click.option("--since", type=Moment(), help="Received since then.  [default: 24h]")
@click.option("--until", type=Moment(), help="Received before then.")
@click.option("--source", help="Of this source only.")
@click.option("--type", "event_type", help="Of this type only.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@archive_option
@config_option
@json_option
def list_events(
    since: datetime | None,
    until: datetime | None,
    source: str | None,
    event_type: str | None,
    limit: int,
    archive: str | None,
    config: Path,
    as_json: bool,
) -> None:
    """The newest events of a time range, the newest last."""
    since = since or (until or datetime.now(UTC)) - timedelta(hours=24)
    with _events(config, archive, since, until) as events:
        shown = (
            (*order_received(stored), event_json(stored, body=False) if as_json else _cells(stored))  # without the body
            for stored in events
            if source in {None, stored.event.source} and event_type in {None, stored.event.type}
        )
        newest = [row for *_, row in reversed(heapq.nlargest(limit, shown, key=itemgetter(0, 1, 2)))]
    if as_json:
        click.echo(to_json(newest))
        return
    table = Table("received", "source", "type", "id", "subject", box=None)
    for row in newest:
        table.add_row(*row)
    wide_console().print(table)
    if not newest:
        click.echo(f"nothing received since {shown_time(since)}; `hub send SOURCE --sample` sends something", err=True)


@command.command()
@click.argument("identity", metavar="ID|SOURCE/ID")
@archive_option
@config_option
@json_option
def show(identity: str, archive: str | None, config: Path, as_json: bool) -> None:
    """One event's whole life: what was received and how it was verified, by which revision it was decided, every
    attempt at delivering it with its lane and run, what waits where and until when, dead letters and redrives.

    An archive has only what was received, and is read through until the event is found.
    """
    if archive is not None:
        _show_archived(identity, archive, config, as_json=as_json)
        return
    with _log(config) as (kafka, topics):
        found = find_events(LogReader(kafka, topics), identity)
        stored = newest(found)
        life = asyncio.run(life_of(stored, kafka, topics))
    if as_json:
        click.echo(to_json({**event_json(stored, body=True), "decision": life.decision, **asdict(life)}))
        return
    _print(stored, life)
    if len(found) > 1:
        others = ", ".join(sorted({f"{one.event.source}/{printable(one.event.id)}" for one in found}))
        click.echo(f"\nthe log has {len(found)} events with this id ({others}); this is the newest", err=True)


@command.command()
@click.option("--source", help="Of this source only.")
@config_option
@json_option
def tail(source: str | None, config: Path, as_json: bool) -> None:
    """Events as they arrive from now on, until Ctrl-C; --json prints one object per line."""
    with _reader(config) as reader, suppress(KeyboardInterrupt):
        following = reader.follow()
        click.echo("waiting for events …", err=True)
        for stored in following:
            if source not in {None, stored.event.source}:
                continue
            line = (
                to_json(event_json(stored, body=False), indent=False)
                if as_json
                else "  ".join(map(str, _cells(stored)))
            )
            click.echo(line)


def _show_archived(identity: str, archive: str, config: Path, *, as_json: bool) -> None:
    source, slash, event_id = identity.partition("/")
    with _events(config, archive, None, None) as events:
        for stored in events:
            event = stored.event
            if event.id == identity or (slash and (event.source, event.id) == (source, event_id)):
                break
        else:
            fail(f"no event {identity!r} in the archive")
    if as_json:
        click.echo(to_json(event_json(stored, body=True)))
    else:
        _print(stored, None)


@contextmanager
def _events(
    config: Path, archive: str | None, since: datetime | None, until: datetime | None
) -> Iterator[Iterator[StoredEvent]]:
    """Those received in [since, until)."""
    if archive is None:
        with _reader(config) as reader:
            yield reader.events(since, until)
        return
    configuration = load_configuration(config) if config.exists() else None
    reader_of_it = archive_of(archive, configuration, settings())
    try:
        with reading("the archive"):
            yield (
                StoredEvent(0, number, event)
                for _, number, event in archived_events(reader_of_it, ArchivePosition(archive))
                if (since is None or event.received >= since) and (until is None or event.received < until)
            )
    except ArchiveUnreadableError as error:
        fail(str(error))


@contextmanager
def _log(config: Path) -> Iterator[tuple[KafkaConnection, Topics]]:
    name = hub_name(config)
    try:
        yield connection(settings()), Topics(name)
    except (LogAdminError, KafkaUnavailableError, NewerFormatError) as error:
        fail(str(error))


@contextmanager
def _reader(config: Path) -> Iterator[LogReader]:
    with _log(config) as (kafka, topics):
        yield LogReader(kafka, topics)


def _cells(stored: StoredEvent) -> list[Text]:
    event = stored.event
    texts = (shown_time(event.received), event.source, event.type, event.id, event.subject or "")
    return [Text(printable(text)) for text in texts]


def _print(stored: StoredEvent, life: Life | None) -> None:
    """``life`` None: only what was received is known."""
    event = stored.event
    table = Table(show_header=False, box=None)
    for name, text in (
        ("source", event.source),
        ("id", event.id),
        ("type", event.type),
        ("subject", event.subject),
        ("time", event.time and shown_time(event.time)),
        ("received", shown_time(event.received)),
        ("endpoint", event.endpoint),
        ("content type", event.content_type),
        ("metadata", event.metadata and to_json(event.metadata, indent=False)),
        ("verified", event.verified and to_json(event.verified, indent=False)),
        *((f"  {name}", text) for name, text in event.headers),
        ("sha-256", event.digest),
        ("traceparent", event.traceparent),
        *(() if life is None else _decided(stored, life)),
    ):
        if text:
            table.add_row(Text(printable(name)), Text(printable(str(text))))
    for one in () if life is None else life.deliveries:
        assert life is not None
        table.add_row(Text(f"  {one.route} → {one.destination}"), Text("\n".join(delivery_lines(life, one))))
    wide_console().print(table)
    click.echo(f"\n{shown_body(event.body)}")


def _decided(stored: StoredEvent, life: Life) -> list[tuple[str, str]]:
    return [
        ("stored at", f"partition {stored.partition}, offset {stored.offset}"),
        *(("decided earlier", decision_line(one)) for one in life.decisions[:-1]),
        ("decided", decision_line(life.decision)),
    ]
