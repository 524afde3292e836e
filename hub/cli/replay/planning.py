"""What a replay would do, said before it does it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from connectors.api import Effect
from hub.cli.printing import shown_time, to_json
from hub.cli.tables import wide_console
from hub.config.model import Configuration
from hub.replay.matching import Plan
from hub.replay.progress import Replay

_REPEATS: Mapping[Effect, str] = {
    Effect.IDEMPOTENT: "changes nothing",
    Effect.APPEND: "ADDS EVERYTHING ONCE MORE",
    Effect.NOTIFY: "DISTURBS PEOPLE AGAIN",
}


def effect_at(configuration: Configuration, destination: str) -> Effect:
    return configuration.destinations[destination].connector.effect


def notifying(configuration: Configuration, replay: Replay) -> list[str]:
    """Its destinations where a repeat disturbs people."""
    return [name for name in replay.destinations if effect_at(configuration, name) is Effect.NOTIFY]


def show_plan(
    plan: Plan,
    replay: Replay,
    configuration: Configuration,
    beginnings: Mapping[int, datetime],
) -> None:
    """``beginnings`` are those of the log, by partition, where it no longer has all."""
    click.echo(
        f"events received from {shown_time(replay.since)} to {shown_time(replay.until)}, by route {replay.route}"
    )
    if replay.where is not None:
        click.echo(f"where {to_json(replay.where, indent=False)}")
    click.echo(f"{plan.scanned:,} events read, {plan.matching:,} match\n")
    table = Table("destination", "effect", "deliveries", "what was delivered before", box=None)
    for name in replay.destinations:
        effect = effect_at(configuration, name)
        cells = (name, str(effect), f"{plan.deliveries[name]:,}", f"a repeat {_REPEATS[effect]}")
        table.add_row(*(Text(cell) for cell in cells))
    wide_console().print(table)
    later = sorted(moment for moment in beginnings.values() if moment > replay.since)
    if later:
        click.echo(
            f"\nthe log no longer has everything since then: it begins at {shown_time(later[0])} and is complete from "
            f"{shown_time(later[-1])} on (log.retention)",
            err=True,
        )
    if plan.unreadable:
        click.echo(f"\n{plan.unreadable:,} records are no events and are left out", err=True)


def plan_json(plan: Plan, replay: Replay, configuration: Configuration) -> dict[str, Any]:
    return {
        "id": replay.id,
        "route": replay.route,
        "since": replay.since,
        "until": replay.until,
        "where": replay.where,
        "scanned": plan.scanned,
        "matching": plan.matching,
        "unreadable": plan.unreadable,
        "destinations": [
            {"name": name, "effect": effect_at(configuration, name), "deliveries": plan.deliveries[name]}
            for name in replay.destinations
        ],
    }
