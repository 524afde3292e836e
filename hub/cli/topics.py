"""``hub topics``: where the log is, what is in it, and who is behind."""

from pathlib import Path
from typing import Any

import click
from rich.table import Table

from hub.cli.printing import to_json
from hub.cli.pruning import prune
from hub.cli.tables import wide_console
from hub.cli.topic_commands import administrator_commands
from hub.cli.wiring import config_option, connection, fail, json_option, load_configuration, settings
from hub.config.model import Durability, LogConfig
from hub.log.admin import LogAdmin, TopicState
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.topics import topic_specs

_MANAGED = "the hub makes missing topics when it starts (`hub up`, `hub ingress`, `hub worker`)"
_UNMANAGED = "log.manage_topics is off: an administrator must run what `hub topics --commands` prints"


@click.group(
    name="topics",
    invoke_without_command=True,
    short_help="Kafka's address, the topics, and how far each consumer is.",
)
@config_option
@json_option
@click.option("--commands", is_flag=True, help="Print the commands with which an administrator makes the topics.")
@click.option("--principal", default="User:hub", show_default=True, help="Who gets the rights in --commands.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=15.0, show_default=True, help="Seconds to wait.")
@click.pass_context
def command(
    context: click.Context, config: Path, as_json: bool, commands: bool, principal: str, timeout: float
) -> None:
    """Kafka's address first; then every topic with its offsets (summed over partitions), and its consumers' lag."""
    if context.invoked_subcommand is not None:
        return
    configuration = load_configuration(config)
    layout = configuration.layout
    kafka = connection(settings())
    if commands:
        for line in administrator_commands(layout.topics, topic_specs(layout), kafka.bootstrap, principal):
            click.echo(line)
        return
    if not as_json:
        click.echo(f"Kafka at {kafka.bootstrap}")
    try:
        states = LogAdmin(kafka, layout, timeout).states()
    except (KafkaUnavailableError, LogAdminError) as error:
        fail(str(error))
    safety = durability(states, configuration.log)
    if as_json:
        click.echo(to_json({"kafka": kafka.bootstrap, "durability": safety, "topics": [_json(one) for one in states]}))
        return
    click.echo(f"{safety}\n")
    wide_console().print(_table(states))
    if not all(state.exists for state in states):
        click.echo(f"\n{_MANAGED if configuration.log.manage_topics else _UNMANAGED}", err=True)


command.add_command(prune)


def durability(states: list[TopicState], log: LogConfig) -> str:
    """What an acknowledged event survives, by the topics as they are (the setting counts for new ones only)."""
    replication = min((state.replication for state in states if state.exists), default=log.replication)
    if replication >= 3:
        return "An acknowledged event survives the loss of a broker, and power loss of one: 3 copies, 2 acknowledged."
    if log.durability is Durability.FSYNC:
        return "An acknowledged event survives the death of any process and power loss: on disk first (fsync)."
    return (
        "An acknowledged event survives the death of any process, not power loss; "
        "log.durability: fsync or log.replication: 3 would."
    )


def _json(state: TopicState) -> dict[str, Any]:
    return {
        "name": state.spec.name,
        "meaning": state.spec.meaning,
        "exists": state.exists,
        "partitions": len(state.end),
        "replication": state.replication,
        "first": sum(state.first.values()),
        "end": sum(state.end.values()),
        "records": state.records,
        "group": state.spec.group,
        "lag": state.lag,
    }


def _table(states: list[TopicState]) -> Table:
    table = Table(box=None)
    table.add_column("topic", overflow="fold")
    for name in ("partitions", "first", "end", "records"):
        table.add_column(name, justify="right")
    table.add_column("group", overflow="fold")
    table.add_column("lag", justify="right")
    for state in states:
        if not state.exists:
            table.add_row(state.spec.name, "missing")
            continue
        numbers = (len(state.end), sum(state.first.values()), sum(state.end.values()), state.records)
        lag = "" if state.lag is None else f"{state.lag:,}"
        shown = (f"{number:,}" for number in numbers)
        table.add_row(state.spec.name, *shown, state.spec.group or "", lag)
    return table
