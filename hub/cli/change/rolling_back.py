"""``hub rollback``: puts an earlier configuration into force again."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from hub.cli.change.log import (
    Revisions,
    as_it_was,
    by_option,
    hub_at,
    no_env_option,
    refuse_impossible,
    timeout_option,
    whoami,
)
from hub.cli.wiring import config_option, fail
from hub.config.load import ConfigurationError, load_texts
from hub.config.revisions import rolled_back
from schemas.revision import AppliedRevision


@click.command(name="rollback", short_help="Put an earlier configuration into force again.")
@click.argument("revision", metavar="[REV]", required=False)
@click.option("-m", "--why", metavar="WHY", default="rolled back", help="Why, for whoever wonders later.")
@by_option
@config_option
@no_env_option
@timeout_option
def command(revision: str | None, why: str, by: str | None, config: Path, no_env: bool, timeout: float) -> None:
    """Put revision REV into force again; without it, the one before the one that is in force.

    It stays in force until somebody applies another configuration, or the file that `hub up` runs changes; until then
    `hub status` says drift. A few digits of REV are enough.
    """
    revisions = Revisions(hub_at(config), timeout)
    history = revisions.history()
    to = _chosen(history, revision)
    head = history[-1]
    if to.revision == head.revision:
        click.echo(f"Revision {head.revision} is in force already.")
        return
    try:
        earlier = load_texts(to.texts, config, os.environ, expand=not no_env)
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        fail(f"revision {to.revision} cannot be used any more; nothing was changed")
    refuse_impossible(as_it_was(head, config), earlier)
    change = rolled_back(to, head, by=by or whoami(), why=why, at=datetime.now(UTC))
    revisions.append(change, earlier)
    click.echo(f"Revision {to.revision} is in force again, after {head.revision}.")


def _chosen(history: Sequence[AppliedRevision], revision: str | None) -> AppliedRevision:
    if not history:
        fail("nothing was applied yet, so there is nothing to go back to")
    wanted = revision or history[-1].previous
    if wanted is None:
        fail(f"there is nothing before {history[-1].revision}, the first revision")
    found = [one for one in history if one.revision.startswith(wanted)]
    if len({one.revision for one in found}) != 1:
        fail(f"{'several revisions begin' if found else 'no revision begins'} with {wanted}; see `hub history`")
    return found[-1]
