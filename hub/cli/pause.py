"""``hub pause``: holds what is for one destination."""

from pathlib import Path

import click

from hub.cli.controls import Controlled, find, whoami
from hub.cli.printing import printable, shown_time
from hub.cli.wiring import config_option
from schemas.control import Control


@click.command(name="pause", short_help="Hold what is for one destination.")
@click.argument("destination")
@click.option("--reason", default="", help="Why, for whoever wonders later.")
@click.option("--by", help="Who decided it.  [default: your user name]")
@config_option
def command(destination: str, reason: str, by: str | None, config: Path) -> None:
    """Deliver nothing more to DESTINATION until `hub resume`, and lose nothing: its backlog waits in the log.

    It is written into the log, so every worker obeys within moments, also one that starts later. Pausing it again
    changes nothing, unless another reason or name is given.
    """
    found = find(config, destination)
    before = found.paused_by
    if before is not None and (reason or before.reason) == before.reason and (by or before.by) == before.by:
        click.echo(f"{destination} is paused already, {_how(before)}.")
    else:
        reason = reason or (before.reason if before else "")
        control = found.decide(paused=True, by=by or whoami(), reason=reason)
        click.echo(f"{destination} is paused, {_how(control)}, until `hub resume {destination}`.")
    click.echo(
        "What is for it waits in the log, in order and without a time limit. Nothing is lost, and waiting costs no "
        "attempt.\nCalls that are under way are finished."
    )
    if stale := _stale(found):
        click.echo(f"What is older than stale_after by then is discarded, as the route says: {', '.join(stale)}.")


def _how(control: Control) -> str:
    reason = f" ({printable(control.reason)})" if control.reason else ""
    return f"since {shown_time(control.at)} by {printable(control.by)}{reason}"


def _stale(found: Controlled) -> list[str]:
    return [
        route.id
        for route in found.configuration.routes
        if route.stale_after and any(target.destination == found.destination for target in route.to)
    ]
