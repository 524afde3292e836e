"""``hub history``: what was in force when, and who decided it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from hub.cli.change.log import Revisions, hub_at, timeout_option
from hub.cli.printing import printable, shown_time, to_json
from hub.cli.tables import wide_console
from hub.cli.wiring import config_option, fail, json_option
from schemas.revision import AppliedBy, AppliedRevision


@click.command(name="history", short_help="Which configuration was in force when, and who decided it.")
@click.argument("revision", metavar="[REV]", required=False)
@config_option
@json_option
@timeout_option
def command(revision: str | None, config: Path, as_json: bool, timeout: float) -> None:
    """Every revision that was in force, the newest first; with REV, its text as it was applied."""
    history = Revisions(hub_at(config), timeout).history()
    if revision is not None:
        _show(revision, [one for one in history if one.revision.startswith(revision)], as_json=as_json)
        return
    if as_json:
        click.echo(to_json([_entry(one) for one in reversed(history)]))
        return
    if not history:
        click.echo("Nothing was applied yet.")
        return
    table = Table("in force since", "revision", "by", "why", box=None)
    for one in reversed(history):
        how = f"rollback, over {one.overrides}: " if one.kind is AppliedBy.ROLLBACK else ""
        cells = (shown_time(one.at), one.revision, printable(one.by), how + printable(one.why))
        table.add_row(*map(Text, cells))
    wide_console().print(table)


def _show(revision: str, found: list[AppliedRevision], *, as_json: bool) -> None:
    if not found:
        fail(f"no revision begins with {revision}; see `hub history`")
    one = found[-1]
    if as_json:
        click.echo(to_json(asdict(one)))
        return
    for name, text in sorted(one.texts.items()):
        if len(one.texts) > 1:
            click.echo(f"# {name}")
        click.echo(printable(text, keep="\n"))


def _entry(one: AppliedRevision) -> dict[str, Any]:
    return {key: value for key, value in asdict(one).items() if key != "texts"}
