"""``hub apply``: puts a configuration into force."""

from datetime import UTC, datetime
from pathlib import Path

import click

from hub.cli.change.log import (
    Revisions,
    as_it_was,
    by_option,
    loaded,
    no_env_option,
    refuse_impossible,
    timeout_option,
    whoami,
    why_option,
)
from hub.cli.wiring import fail, path_of
from hub.config.revisions import applied, is_settled
from hub.config.routing_tests import run_tests
from schemas.revision import AppliedBy


@click.command(name="apply", short_help="Put a configuration into force, everywhere and without a restart.")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--config", type=click.Path(path_type=Path), help="The same as PATH.")
@why_option
@by_option
@click.option("--expect", metavar="REV", help="Only if this revision is in force now.")
@click.option("--if-changed", is_flag=True, help="Only if PATH has changed: a rollback stays in force.")
@no_env_option
@timeout_option
def command(
    path: Path | None,
    config: Path | None,
    why: str,
    by: str | None,
    expect: str | None,
    if_changed: bool,
    no_env: bool,
    timeout: float,
) -> None:
    """Write the configuration at PATH (default: hub.yaml) into the log, from where every part of the hub takes it up.

    It is checked and tested first, and written only if what is in force is what was found: of two who apply at once,
    one is told. Variables stay as they are written; each process puts in its own. `hub status` says who runs what.

    Exit codes: 0 it is in force, 1 it is not, 2 the configuration cannot be used.
    """
    where = path_of(path, config)
    configuration = loaded(where, expand=not no_env)
    if failures := run_tests(configuration):
        for failure in failures:
            click.echo(str(failure), err=True)
        fail(f"{len(failures)} of {len(configuration.tests)} tests fail; nothing was applied")
    revisions = Revisions(configuration.name, timeout)
    history = revisions.history()
    head = history[-1] if history else None
    found = head.revision if head else None
    if expect is not None and expect != found:
        fail(f"in force is {found or 'nothing'}, not {expect}; nothing was applied. See `hub history`")
    if head is not None and if_changed and is_settled(head, configuration.revision):
        click.echo(f"Revision {head.revision} stays in force; {where} has not changed since.")
        return
    if head is not None and head.revision == configuration.revision and head.kind is AppliedBy.APPLY:
        click.echo(f"Revision {head.revision} is in force already.")
        return
    if head is not None:
        refuse_impossible(as_it_was(head, where), configuration)
    change = applied(configuration, head, by=by or whoami(), why=why, at=datetime.now(UTC))
    revisions.append(change, configuration)
    click.echo(f"Revision {configuration.revision} is in force" + (f", after {found}." if found else "."))
