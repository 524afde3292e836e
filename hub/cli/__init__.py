"""The command line: one file per command group, and the only place that wires everything."""

import importlib
import sys

import click

COMMANDS = {
    "init": "hub.cli.init",
    "up": "hub.cli.up",
    "demo": "hub.cli.demo",
    "check": "hub.cli.check",
    "test": "hub.cli.test",
    "explain": "hub.cli.explain",
    "backtest": "hub.cli.backtest",
    "schema": "hub.cli.schema",
    "plan": "hub.cli.change.planning",
    "apply": "hub.cli.change.applying",
    "rollback": "hub.cli.change.rolling_back",
    "history": "hub.cli.change.history",
    "send": "hub.cli.send",
    "events": "hub.cli.events",
    "status": "hub.cli.status",
    "ledger": "hub.cli.ledger",
    "pause": "hub.cli.pause",
    "resume": "hub.cli.resume",
    "destinations": "hub.cli.destinations",
    "dead": "hub.cli.dead",
    "replay": "hub.cli.replay",
    "topics": "hub.cli.topics",
    "connectors": "hub.cli.connectors",
    "wait": "hub.cli.wait",
    "api": "hub.cli.api",
    "gemini": "hub.cli.sender:gemini",
    "emulate": "hub.cli.emulate",
    "ingress": "hub.cli.ingress",
    "worker": "hub.cli.worker",
    "broker": "hub.cli.broker",
    "backup": "hub.cli.backup:backup",
    "restore": "hub.cli.backup:restore",
}
"""Command → module with a ``command`` in it (or what stands behind the colon), in the order of ``hub --help``: first
what a newcomer needs.
"""


class LazyGroup(click.Group):
    """Imports a command's module when it is used: ``hub send`` does not pay for Faust and SQLAlchemy."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), name or "command")
        assert isinstance(command, click.Command)
        return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 fine, 1 a finding or a failure, 2 wrong usage or configuration.",
)
@click.version_option(package_name="event-hub", prog_name="hub")
def group() -> None:
    """Verified webhooks in, a durable Kafka log in the middle, dependable effects out.

    \b
    New here?   hub init gemini && hub up
    Then, in a second terminal:
                hub send gemini --sample batch.succeeded
                hub events list
    """  # noqa: D301  (\b is click's mark for "do not re-wrap")


def main() -> None:
    """The ``hub`` command."""
    try:
        group.main(standalone_mode=True)
    except BrokenPipeError:  # `hub events list | head` is not an error
        sys.stderr.close()
        sys.exit(0)
