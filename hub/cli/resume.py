"""``hub resume``: undoes ``hub pause``."""

from pathlib import Path

import click

from hub.cli.controls import find, whoami
from hub.cli.wiring import config_option


@click.command(name="resume", short_help="Deliver to a paused destination again.")
@click.argument("destination")
@config_option
def command(destination: str, config: Path) -> None:
    """Deliver to DESTINATION again, what waited first; also where not a person but the hub paused it.

    Resuming what is not paused changes nothing.
    """
    found = find(config, destination)
    if found.paused_by is None:
        click.echo(f"{destination} is not paused.")
        return
    found.decide(paused=False, by=whoami(), reason="")
    click.echo(f"{destination} is resumed: what waited is delivered now.")
