"""The commands for the sources of one type. Everything vendor-specific is behind `Registrar` and `Reconciler`."""

import click

from hub.cli.sender import listing, pinging, reconciling, registering, removing, rotating


def sender_commands(source_type: str, api: str, short_help: str) -> click.Group:
    """``api`` is what people call what is asked."""

    @click.group(name=source_type, short_help=short_help)
    @click.pass_context
    def group(context: click.Context) -> None:
        context.obj = source_type

    group.help = (
        f"Use {api} for a source of type {source_type}: register its webhook, rotate its secret without a restart, and "
        "add the events whose webhook never came. SOURCE may be left out where there is one source of the type."
    )
    for each in (registering, listing, pinging, rotating, removing, reconciling):
        group.add_command(each.command)
    return group
