"""``hub backtest``: how another ``hub.yaml`` would have decided the events of the log."""

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from connectors.api import ArchiveUnreadableError
from hub.cli.archives import archive_of, archive_option
from hub.cli.moments import Moment
from hub.cli.printing import printable, shown_time, to_json
from hub.cli.progress import progress_bar, reading
from hub.cli.tables import wide_console
from hub.cli.wiring import config_option, connection, fail, json_option, load_configuration, settings
from hub.config.deciding import Rules
from hub.config.load import ConfigurationError, load
from hub.config.model import Configuration
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.cut import Range
from hub.log.ranges import RangeReader
from hub.log.records import MalformedRecordError, NewerFormatError, decode_decision
from hub.log.scanner import LogScanner, Spans
from hub.replay.archived import archived_records, iterated
from hub.replay.backtest import BacktestResult, Changes, RecordedDecisions, Sample, backtest
from hub.replay.progress import ArchivePosition
from hub.supervisor import CONFIGURATION_ERROR


@dataclass(frozen=True, slots=True)
class Backtest:
    """What was decided again: the events received from ``since`` to ``until``, by two configurations."""

    before: Configuration
    after: Configuration
    since: datetime
    until: datetime
    result: BacktestResult


@click.command(name="backtest", short_help="How another hub.yaml would have decided the events of the log.")
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--since", type=Moment(), required=True, help="Events received since then.")
@click.option("--until", type=Moment(), help="Events received before then.  [default: now]")
@archive_option
@config_option
@json_option
def command(
    *, new: Path, since: datetime, until: datetime | None, archive: str | None, config: Path, as_json: bool
) -> None:
    """Decide the events of the past by the configuration NEW (a file or a folder) and by the one of --config, and say
    what differs: deliveries added and removed by route and destination, each with a few of the events. Nothing is sent
    and nothing is written.

    It also counts the events that were decided otherwise when they came than --config decides them now.

    Exit codes: 0 also if much would change, 2 one of the two cannot be used.
    """
    until = until or datetime.now(UTC)
    if since >= until:
        raise click.UsageError("--since is not before --until: no event is received between them.")
    before, after = load_configuration(config), _new(new)
    with explained():
        if archive is None:
            result = backtest_of_log(connection(settings()), before, after, since, until)
        else:
            result = _backtest_of_archive(archive, before, after, since, until)
    if as_json:
        click.echo(to_json(result_json(result, before, after)))
    else:
        show_result(Backtest(before, after, since, until, result))


def backtest_of_log(
    kafka: KafkaConnection, before: Configuration, after: Configuration, since: datetime, until: datetime
) -> BacktestResult:
    """Read the log of ``before`` and decide it by both; with a progress bar on a terminal.

    Raises:
        KafkaUnavailableError, LogAdminError, NewerFormatError
    """
    scanner, topics = LogScanner(kafka), before.topics
    spans = scanner.spans(topics.events, since, until)
    recorded = RecordedDecisions(spans)
    with reading("the decisions"):
        _learn(recorded, _records(kafka, topics.decisions, scanner.spans(topics.decisions, since)))
    with progress_bar("events", sum(map(len, spans.values()))) as advance:
        return backtest(
            _records(kafka, topics.events, spans),
            Rules(before).decide,
            Rules(after).decide,
            recorded,
            since=since,
            until=until,
            each=advance,
        )


def _learn(recorded: RecordedDecisions, records: Iterable[Any]) -> None:
    for record in records:
        try:
            decision = decode_decision(record.value)
        except MalformedRecordError:
            continue
        targets = ((one.route, one.destination) for one in decision.deliveries)
        recorded.learn(record.partition, decision.offset, targets)


def _records(kafka: KafkaConnection, topic: str, spans: Spans) -> Iterator[Any]:
    """By aiokafka, whose parser of records is compiled: kafka-python's takes more time than deciding an event does."""

    async def batches() -> AsyncIterator[Sequence[Any]]:
        async with RangeReader(kafka) as reader:
            for partition, span in spans.items():
                wanted = Range(topic, partition, span.start, span.start, span.stop, span.start)
                async with aclosing(reader.read(wanted)) as found:
                    async for records in found:
                        yield records

    for records in iterated(batches):
        yield from records


def _backtest_of_archive(
    archive: str, before: Configuration, after: Configuration, since: datetime, until: datetime
) -> BacktestResult:
    reader = archive_of(archive, before, settings())
    records = archived_records(reader, before.log.partitions, ArchivePosition(archive))
    with reading("the archive"):
        return backtest(records, Rules(before).decide, Rules(after).decide, since=since, until=until)


def _new(path: Path) -> Configuration:
    """Variables may be unset: it is compared, not run."""
    try:
        return load(path, os.environ, may_lack=True)
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        raise SystemExit(CONFIGURATION_ERROR) from error


@contextmanager
def explained() -> Iterator[None]:
    """End the command with 1 where the log or the archive cannot be read."""
    try:
        yield
    except (KafkaUnavailableError, LogAdminError, NewerFormatError, ArchiveUnreadableError) as error:
        fail(str(error))


def show_result(backtest: Backtest) -> None:
    """Print it for people."""
    before, after, result = backtest.before, backtest.after, backtest.result
    click.echo(
        f"events received from {shown_time(backtest.since)} to {shown_time(backtest.until)}, "
        f"by revision {after.revision} instead of {before.revision}"
    )
    click.echo(f"{result.scanned:,} events read, {result.changed:,} decided otherwise\n")
    changed = _changed(result)
    if changed:
        _show_changes(changed, before, after)
    same = len(result.by_target) - len(changed)
    if same:
        deliveries = sum(each.unchanged for each in result.by_target.values() if not each.any)
        click.echo(f"{same:,} other routes and destinations: {deliveries:,} deliveries as before")
    if result.unreadable:
        click.echo(f"{result.unreadable:,} records are no events and are left out", err=True)
    if result.otherwise:
        click.echo(
            f"{result.otherwise:,} events were decided otherwise when they came than revision {before.revision} does",
            err=True,
        )


def _changed(result: BacktestResult) -> list[tuple[str, str, Changes]]:
    return [(*target, changes) for target, changes in sorted(result.by_target.items()) if changes.any]


def _show_changes(changed: Sequence[tuple[str, str, Changes]], before: Configuration, after: Configuration) -> None:
    table = Table("route", "destination", "effect", "before", "after", "added", "removed", "for example", box=None)
    for name in ("before", "after", "added", "removed"):
        next(column for column in table.columns if column.header == name).justify = "right"
    for route, destination, each in changed:
        counts = (f"{count:,}" for count in (each.before, each.after, each.added, each.removed))
        cells = (route, destination, _effect(destination, before, after), *counts, _example(each))
        table.add_row(*(Text(printable(cell)) for cell in cells))
    wide_console().print(table)
    click.echo()


def _effect(destination: str, before: Configuration, after: Configuration) -> str:
    entry = after.destinations.get(destination) or before.destinations[destination]
    return str(entry.connector.effect)


def _example(each: Changes) -> str:
    shown = [f"+ {_named(sample)}" for sample in each.added_samples[:1]]
    shown += [f"- {_named(sample)}" for sample in each.removed_samples[:1]]
    shown += [f"{each.moved:,} in another lane"] if each.moved else []
    shown += [f"{each.renamed:,} with another id"] if each.renamed else []
    return ", ".join(shown)


def _named(sample: Sample) -> str:
    return f"{sample.source}/{sample.id} ({sample.type})"


def result_json(result: BacktestResult, before: Configuration, after: Configuration) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "before": before.revision,
        "after": after.revision,
        "scanned": result.scanned,
        "changed": result.changed,
        "unreadable": result.unreadable,
        "decided_otherwise": result.otherwise,
        "undecided": result.undecided,
        "targets": [
            {
                "route": route,
                "destination": destination,
                "effect": _effect(destination, before, after),
                "before": each.before,
                "after": each.after,
                "added": each.added,
                "removed": each.removed,
                "moved": each.moved,
                "renamed": each.renamed,
                "samples": {"added": each.added_samples, "removed": each.removed_samples},
            }
            for (route, destination), each in sorted(result.by_target.items())
        ],
    }
