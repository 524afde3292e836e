"""``hub topics prune``: deletes the topics of destinations that are no longer configured, once they are empty."""

import asyncio
from pathlib import Path

import click

from hub.cli.wiring import config_option, connection, fail, load_configuration, settings
from hub.ledger.observe import waiting_retries
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.records import NewerFormatError
from hub.log.revisions import RevisionLog, retired


@click.command(name="prune", short_help="Delete the topics of retired destinations.")
@config_option
@click.option("--yes", is_flag=True, help="Delete; without it, only say what would be deleted.")
def prune(config: Path, yes: bool) -> None:
    """Delete the topics of destinations that are no longer in force and have nothing left to deliver, neither in their
    lanes nor waiting for a retry. What became of their deliveries (90 days of outcomes) goes with them.

    Exit codes: 0 nothing is left of them, 1 something still waits.
    """
    configuration = load_configuration(config)
    kafka = connection(settings())
    admin = LogAdmin(kafka, configuration.layout)
    try:
        if not admin.offsets(configuration.topics.config):
            fail("nothing was applied yet, so nothing is retired")
        history = asyncio.run(RevisionLog(kafka, configuration.topics).history())
        former = retired(history, history[-1].destinations) if history else {}
        found = admin.unfinished(list(former))
        retries = asyncio.run(waiting_retries(kafka, configuration.topics)) if found else {}
        waiting = {name: sum(counts.values()) + retries.get(name, 0) for name, counts in found.items()}
        for name, count in sorted(waiting.items()):
            if count:
                click.echo(f"{name}: {count:,} still wait; `hub destinations discard {name}` gives them up")
        empty = sorted(name for name, count in waiting.items() if not count)
        for topic in admin.delete_topics(empty) if yes else ():
            click.echo(f"deleted {topic}")
    except (KafkaUnavailableError, LogAdminError, NewerFormatError) as error:
        fail(str(error))
    if empty and not yes:
        click.echo(f"The topics of {', '.join(empty)} can be deleted: --yes does it.")
    if not waiting:
        click.echo("Nothing is retired.")
    raise SystemExit(1 if any(waiting.values()) else 0)
