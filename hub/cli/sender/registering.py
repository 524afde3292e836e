"""``hub gemini register``."""

from pathlib import Path

import click

from connectors.api import Registrar
from hub.cli.sender.account import Account, account_of, choose, refuse_written_secrets, run, source_argument
from hub.cli.sender.arrival import log_of, tell_ping
from hub.cli.sender.keeping import Registered, register
from hub.cli.sender.reach import unreachable
from hub.cli.wiring import fail
from hub.log.reader import LogReader


@click.command(name="register", short_help="Register the webhook, and keep its secret.")
@source_argument
@click.option("--events", multiple=True, metavar="TYPE", help="Only this type; may be repeated.  [default: all]")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=60.0, show_default=True, help="Wait for the ping.")
def command(source: str | None, config: Path, events: tuple[str, ...], timeout: float) -> None:
    """Register the webhook of a source that runs, keep its secret under HUB_HOME, and see a ping come back.

    Run it again whenever in doubt: it never makes a second webhook, subscribes to other --events, enables one that was
    disabled, and gets a new secret where the one in use is not kept here.
    """
    chosen = choose(source, config, Registrar)
    refuse_written_secrets(chosen)
    account, log = account_of(chosen), log_of(chosen)
    arrived = run(_register(account, events or None, log, timeout))
    raise SystemExit(0 if arrived else 1)


async def _register(account: Account, events: tuple[str, ...] | None, log: LogReader, timeout: float) -> bool:  # noqa: ASYNC109
    problem = await unreachable(account.url)
    if problem is not None:
        fail(problem)
    with account.kept.alone():
        done = await register(account, events)
    tell(account, done)
    came = await tell_ping(account, done.registration.id, log, timeout)
    if came:
        click.echo(f"done. Start a job: `hub events list --source {account.name}` shows its event when it has ended")
    return came


def tell(account: Account, done: Registered) -> None:
    """Say what was done, and what is left to do."""
    what = "registered" if done.created else "registered before"
    click.echo(f"{account.url} is {what} as {done.registration.id}, for {', '.join(done.registration.events)}")
    if done.rotated:
        click.echo(
            "the secret in use was not kept here, so there is a new one; the old one signs beside it for a while"
        )
    click.echo(f"secret {account.registrar.thumbprint(done.secret.secret)} is kept in {account.kept.folder}")
    name = click.get_current_context().obj
    for other in done.others:
        click.echo(
            f"there is another webhook of the same URL, which was made twice: `hub {name} remove {account.name} --id "
            f"{other.id}` removes it",
            err=True,
        )
