"""``hub gemini remove``."""

from pathlib import Path

import click

from connectors.api import Registrar
from hub.cli.sender.account import account_of, choose, run, source_argument
from hub.cli.sender.keeping import remove
from hub.cli.wiring import fail


@click.command(name="remove", short_help="Remove the webhook.")
@source_argument
@click.option("--id", "registration", help="This one only.  [default: all of the source's URL]")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(source: str | None, config: Path, registration: str | None, yes: bool) -> None:
    """Remove the registration of a source: no more webhooks. Its secrets verify what is under way for another hour."""
    account = account_of(choose(source, config, Registrar))
    found = run(account.ours())
    wanted = [each for each in found if registration in {None, each.id}]
    if not wanted:
        ids = ", ".join(each.id for each in found) or "none"
        fail(f"there is nothing to remove: of {account.url} there is {ids}")
    for each in wanted:
        if not yes:
            click.confirm(f"Remove {each.id} ({each.url})?", abort=True)
        run(remove(account, each.id))
        click.echo(f"removed {each.id}")
