"""``hub gemini rotate``."""

from pathlib import Path

import click

from connectors.api import Registrar
from hub.cli.printing import shown_time
from hub.cli.sender.account import account_of, choose, refuse_written_secrets, run, source_argument
from hub.cli.sender.keeping import rotate
from hub.cli.sender.pinging import registered
from hub.config.kept_secrets import KeptSecret


@click.command(name="rotate", short_help="Get a new secret, without a restart.")
@source_argument
@click.option("--revoke", is_flag=True, help="The old secrets leaked: they sign no longer, at once.")
def command(source: str | None, config: Path, revoke: bool) -> None:
    """Get a new secret and keep it beside the old one, which signs on for a day: no event is refused meanwhile.

    If it is interrupted, run it again: a secret that was given and not kept is lost, and the old one still verifies.
    """
    chosen = choose(source, config, Registrar)
    refuse_written_secrets(chosen)
    account = account_of(chosen)

    async def work() -> KeptSecret:
        with account.kept.alone():
            found = await registered(account)
            return await rotate(account, found.id, revoke=revoke)

    kept = run(work())
    click.echo(f"new secret {account.registrar.thumbprint(kept.secret)} is kept in {account.kept.folder}")
    for each in account.secrets_of(kept.registration):
        if each.expires is not None:
            shown = account.registrar.thumbprint(each.secret)
            click.echo(f"old secret {shown} verifies until {shown_time(each.expires)}")
    if revoke:
        click.echo("webhooks signed since are refused until the ingress has read it, in seconds; they are repeated")
