"""``hub ledger``: is anything missing, and the rows that ``hub status`` asks, made anew."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from hub.cli.missing_news import tell_missing
from hub.cli.moments import Moment
from hub.cli.printing import printable, shown_time, to_json
from hub.cli.progress import progress_bar
from hub.cli.projection import projection
from hub.cli.wiring import config_option, connection, fail, hub_name, json_option, load_configuration, settings
from hub.ledger.rebuild import fill
from hub.ledger.store import Store, StoreAwayError
from hub.ledger.verify import Verification, Verifier
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.cut import Cut, ledger_topics, take_cut
from hub.log.ranges import RangeReader
from hub.log.records import NewerFormatError
from hub.log.topics import LEDGER_RETENTION, Topics


@click.group(name="ledger", short_help="Is anything missing? And the rows of `hub status`, anew.")
def command() -> None:
    """The ledger is what the hub writes down in Kafka: a decision for every event, an outcome for every attempt."""


@command.command()
@click.option("--since", type=Moment(), help="Judge events received since then.  [default: all there is]")
@click.option("--tell", is_flag=True, help="Write what is missing into the log, as news of the hub (`ledger.missing`).")
@config_option
@json_option
def verify(since: datetime | None, tell: bool, config: Path, as_json: bool) -> None:
    """Prove that every accepted event has a decision, and every delivery of it exactly one end.

    Judges the log as it stands when the command begins; workers may run or not. "open" is what still has its way to
    go, and is no fault. A delivery is missing when it has no end and waits nowhere.

    Exit codes: 0 nothing is missing, 1 something is.
    """
    kafka = connection(settings())
    with _explained():
        verification = asyncio.run(_verify(kafka, Topics(hub_name(config)), since, tell=tell))
    if as_json:
        counts = verification.counts
        totals = {"open": counts.open, "missing": counts.missing, "unreadable": counts.unreadable}
        click.echo(to_json({"fine": verification.fine, **totals, "verification": verification}))
    else:
        _show(verification)
    raise SystemExit(0 if verification.fine else 1)


@command.command()
@config_option
def rebuild(config: Path) -> None:
    """Empty the tables that `hub status` asks, and fill them from the log. Workers may go on meanwhile."""
    configuration = load_configuration(config)
    found = settings()
    kafka = connection(found)
    store = projection(configuration, found)
    with _explained():
        try:
            count = asyncio.run(_rebuild(kafka, configuration.topics, store))
        finally:
            store.dispose()
    click.echo(f"{count:,} records taken in")


async def _verify(kafka: KafkaConnection, topics: Topics, since: datetime | None, *, tell: bool) -> Verification:
    verifier = await asyncio.to_thread(Verifier, kafka, topics, since)
    with progress_bar("judging", len(verifier)) as advance:
        found = await verifier.verify(advance)
    if tell:
        await tell_missing(found, kafka, topics, verifier.partitions)
    return found


async def _rebuild(kafka: KafkaConnection, topics: Topics, store: Store) -> int:
    cut: Cut = await asyncio.to_thread(take_cut, kafka, topics)
    names = ledger_topics(cut)
    await asyncio.to_thread(store.open, {name: cut.ids[name] for name in names})
    await asyncio.to_thread(store.clear)
    total = sum(one.end - one.first for name in names for one in cut.ranges[name])
    with progress_bar("reading", total) as advance:
        async with RangeReader(kafka) as reader:
            await fill(store, reader, cut, advance)
    await asyncio.to_thread(store.expire, datetime.now(UTC) - LEDGER_RETENTION)
    return total


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (KafkaUnavailableError, LogAdminError, NewerFormatError, StoreAwayError) as error:
        fail(str(error))


def _show(found: Verification) -> None:
    counts = found.counts
    click.echo(f"the log as of {shown_time(found.taken)}, events received since {shown_time(found.since)}")
    unreadable = f", {counts.unreadable_events:,} unreadable" if counts.unreadable_events else ""
    click.echo(
        f"events      {counts.events:,}: {counts.decided:,} decided, {counts.open_events:,} open, "
        f"{counts.missing_events:,} missing{unreadable}"
    )
    unreadable = f", {counts.unreadable_deliveries:,} unreadable" if counts.unreadable_deliveries else ""
    click.echo(
        f"deliveries  {counts.deliveries:,}: {counts.delivered:,} delivered, {counts.dead:,} dead, "
        f"{counts.discarded:,} discarded, {counts.open_deliveries:,} open, {counts.missing_deliveries:,} missing"
        f"{unreadable}"
    )
    click.echo(f"superseded  {counts.superseded:,} later ends of deliveries that had one")
    for one in found.missing:
        run = f" run {printable(one.run)}" if one.run else ""
        click.echo(f"  {one.loss}: {printable(one.id)}{run}, {printable(one.last_seen)}, {shown_time(one.at)}")
    if counts.missing > len(found.missing):
        click.echo(f"  … and {counts.missing - len(found.missing):,} more")
    click.echo("Nothing is missing." if found.fine else f"{counts.missing:,} missing.")
