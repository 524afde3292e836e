"""``hub emulate``: stand-ins for senders, each brought by a connector as a command of its own.

An entry point of the group ``hub.emulators`` names a ``click.Command``; its name is the subcommand.
"""

from importlib.metadata import entry_points

import click

from hub.cli.wiring import settings

GROUP = "hub.emulators"


class EmulatorGroup(click.Group):
    """Imports an emulator when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return sorted(entry_points(group=GROUP).names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        found = list(entry_points(group=GROUP, name=cmd_name))
        if not found:
            return None
        if len(found) > 1:
            claimed = " and ".join(sorted(each.dist.name if each.dist else "?" for each in found))
            raise click.ClickException(f"the emulator {cmd_name!r} is claimed by {claimed}; uninstall all but one")
        try:
            command = found[0].load()
        except Exception as error:  # whatever a foreign module raises
            raise click.ClickException(f"the emulator {cmd_name!r} cannot be imported: {error}") from error
        if not isinstance(command, click.Command):
            raise click.ClickException(f"the emulator {cmd_name!r} is not usable: {found[0].value} is no click.Command")
        return command


@click.group(name="emulate", cls=EmulatorGroup, short_help="Stand in for a sender, to develop without it.")
def command() -> None:
    """Run a stand-in for a sender of webhooks, so that everything can be developed and tested without it."""
    settings()
