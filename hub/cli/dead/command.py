"""``hub dead``: its four commands."""

import click

from hub.cli.dead.acting import discard, redrive
from hub.cli.dead.listing import list_letters, show


@click.group(name="dead", short_help="Deliveries that were given up: look, redrive, discard.")
def command() -> None:
    """Dead letters: deliveries that were given up, with the reason and their exact bytes. They are kept for 90 days.

    A letter waits until somebody redrives or discards it.
    """


command.add_command(list_letters)
command.add_command(show)
command.add_command(redrive)
command.add_command(discard)
