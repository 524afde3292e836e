"""``hub status``: is all well, what waits where, and why."""

import asyncio
from datetime import datetime
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from hub.cli.printing import printable, shown_time, to_json
from hub.cli.projection import projection
from hub.cli.tables import wide_console
from hub.cli.wiring import config_option, connection, fail, json_option, load_configuration, settings
from hub.config.known_secrets import known_secrets
from hub.config.problems import did_you_mean
from hub.ledger.in_force import InForce
from hub.ledger.observe import observe
from hub.ledger.standing import DestinationStanding, LaneStanding, Standing, stand
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.records import NewerFormatError


@click.command(name="status", short_help="Is all well? What waits where, and why.")
@click.argument("destination", required=False)
@config_option
@json_option
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=15.0, show_default=True, help="Seconds to wait.")
def command(destination: str | None, config: Path, as_json: bool, timeout: float) -> None:
    """One sentence that says whether all is well; then each destination: its state, what waits in each lane, what is
    in flight, retries, the rate of the last minute, dead letters, and what has waited longest and why; then the
    secrets that senders sign with, by thumbprint: their age, where the hub keeps them, and their last use.

    Works while workers are down, and says so. Exit codes: 0 all is well, 1 it is not.
    """
    configuration = load_configuration(config)
    names = list(configuration.destinations)
    if destination is not None and destination not in names:
        hint = did_you_mean(destination, names) or f"; there is {', '.join(names) or 'none'}"
        fail(f"there is no destination {destination!r}{hint}", 2)
    found = settings()
    kafka = connection(found)
    store = projection(configuration, found)
    shown = names if destination is None else [destination]
    try:
        looking = observe(
            kafka,
            configuration.topics,
            store,
            shown,
            configuration.revision,
            timeout,
            secrets=known_secrets(configuration, found.home),
            only=destination is not None,
        )
        seen = asyncio.run(looking)
    except (KafkaUnavailableError, LogAdminError, NewerFormatError) as error:
        fail(str(error))
    finally:
        store.dispose()
    standing = stand(seen)
    if as_json:
        click.echo(to_json({"well": not standing.problems, "summary": standing.summary, "standing": standing}))
    else:
        _show(standing)
    raise SystemExit(1 if standing.problems else 0)


def _show(standing: Standing) -> None:
    click.echo(f"{printable(standing.summary)}\n")
    table = Table("destination", "state", "lane", box=None)
    for name in ("backlog", "in flight", "retries", "per minute", "dead"):
        table.add_column(name, justify="right")
    table.add_column("oldest waiting")
    for one in standing.destinations:
        for position, lane in enumerate(lane for lane in one.lanes if _worth_showing(lane)):
            cells = _destination_cells(one) if position == 0 else ("", "", "", "", "")
            name, state, retries, rate, dead = cells
            numbers = (f"{lane.backlog:,}", f"{lane.in_flight:,}", retries, rate, dead)
            table.add_row(*map(Text, (name, state, str(lane.lane), *numbers, _oldest(lane, standing.at))))
    wide_console().print(table)
    click.echo()
    if standing.secrets:
        _show_secrets(standing)
        click.echo()
    _show_revision(standing.in_force)
    if standing.undecided:
        count = f"{standing.undecided:,} {'events wait' if standing.undecided > 1 else 'event waits'}"
        click.echo(f"{count} for route")
    if standing.behind is None:
        click.echo("no rows yet: rates and dead letters are unknown; `hub worker --only status` makes them")
    elif standing.behind:
        records = f"{standing.behind:,} {'records' if standing.behind > 1 else 'record'}"
        click.echo(f"rates and dead letters are {records} behind the log")


def _show_secrets(standing: Standing) -> None:
    table = Table("secret", "of", "since", "until", "last use", box=None)
    for one in standing.secrets:
        if one.used is not None:
            use = shown_time(one.used)
        else:
            use = "never" if one.unused_since is None else f"not since {shown_time(one.unused_since)}"
        table.add_row(one.key, one.source, *(shown_time(each) if each else "" for each in (one.since, one.until)), use)
    wide_console().print(table)


def _show_revision(found: InForce) -> None:
    if found.revision is not None and found.since is not None:
        how = "rolled back" if found.rolled_back else "applied"
        click.echo(
            f"revision {found.revision} is in force since {shown_time(found.since)}, {how} by "
            f"{printable(found.by or '')}: {printable(found.why or '')}" + (" (drift)" if found.drift else "")
        )
    for one in found.processes:
        click.echo(f"  {one.kind} {printable(one.process)} runs {one.revision} since {shown_time(one.since)}")


def _worth_showing(lane: LaneStanding) -> bool:
    """The normal lane always; another when there is something in it."""
    return lane.lane == "normal" or lane.backlog > 0 or lane.in_flight > 0


def _destination_cells(one: DestinationStanding) -> tuple[str, str, str, str, str]:
    state = str(one.state) if one.state is not None else "no worker"
    if one.retired:
        state = f"retired, {state}"
    if one.until is not None:
        state += f" until {shown_time(one.until)}"
    retries = f"{one.retries.waiting:,}" + ("" if one.retries.complete else "+")
    if one.retries.next_due is not None:
        retries += f" (next {shown_time(one.retries.next_due)})"
    rate = "?" if one.per_minute is None else f"{one.per_minute:,.0f}"
    return one.name, state, retries, rate, "?" if one.dead is None else f"{one.dead:,}"


def _oldest(lane: LaneStanding, now: datetime) -> str:
    if lane.oldest is None:
        return ""
    seconds = max(int((now - lane.oldest.received).total_seconds()), 0)
    return f"{_span(seconds)}: {printable(lane.oldest.why)} ({printable(lane.oldest.delivery)})"


def _span(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
