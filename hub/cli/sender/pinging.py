"""``hub gemini ping``."""

from pathlib import Path

import click

from connectors.api import Registrar, Registration
from hub.cli.sender.account import Account, account_of, choose, run, source_argument
from hub.cli.sender.arrival import log_of, tell_ping
from hub.cli.wiring import fail


async def registered(account: Account) -> Registration:
    """Ours: the one whose secret is kept, or else the oldest. Exits with 1 where there is none."""
    existing = await account.ours()
    if not existing:
        name = click.get_current_context().obj
        fail(f"{account.url} is not registered; `hub {name} register {account.name}` does that")
    return next((each for each in existing if account.secrets_of(each.id)), existing[0])


@click.command(name="ping", short_help="See a ping come back through the hub.")
@source_argument
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=60.0, show_default=True, help="Seconds to wait.")
def command(source: str | None, config: Path, timeout: float) -> None:
    """Ask for a delivery without meaning, and wait until it is in the log. Exit codes: 0 it came, 1 it did not."""
    chosen = choose(source, config, Registrar)
    account, log = account_of(chosen), log_of(chosen)

    async def work() -> bool:
        found = await registered(account)
        return await tell_ping(account, found.id, log, timeout)

    raise SystemExit(0 if run(work()) else 1)
