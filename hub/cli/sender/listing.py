"""``hub gemini list``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from connectors.api import Registrar, Registration
from hub.cli.printing import printable, shown_time, to_json
from hub.cli.sender.account import Account, Chosen, account_of, choose, run, source_argument
from hub.cli.sender.arrival import arrived, log_of
from hub.cli.sender.keeping import lost
from hub.cli.tables import wide_console
from hub.cli.wiring import json_option
from hub.config.kept_secrets import KeptSecret
from hub.config.known_secrets import keeps_secrets
from hub.log.embedded import running_address

_USES = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Seen:
    """What `list` shows. ``used``: key → the last event that it verified, within a day; None: there is no Kafka."""

    registrations: Sequence[Registration]
    kept: Sequence[KeptSecret]
    used: dict[str, datetime] | None
    findings: Sequence[str]


@click.command(name="list", short_help="Show the webhooks, and the secrets kept.")
@source_argument
@json_option
def command(source: str | None, config: Path, as_json: bool) -> None:
    """The webhooks of the account, the source's own first; then the secrets that are kept: age, end and last use.

    Exit codes: 0 all is well, 1 it is not: the webhook is missing, disabled, there twice, or its secret is not kept.
    """
    chosen = choose(source, config, Registrar)
    account = account_of(chosen)
    seen = run(_look(chosen, account))
    if as_json:
        click.echo(to_json(_as_json(account, seen)))
    else:
        _show(account, seen)
    raise SystemExit(1 if seen.findings else 0)


async def _look(chosen: Chosen, account: Account) -> Seen:
    all_of_them = await account.registrar.registrations()
    ours = [each for each in all_of_them if _is_ours(account, each)]
    kept = account.kept.all()
    used = await _last_uses(chosen, account)
    others = [each for each in all_of_them if each not in ours]
    return Seen(
        [*ours, *others], kept, used, _findings(account, ours, keeps=keeps_secrets(chosen.entry, chosen.settings.home))
    )


async def _last_uses(chosen: Chosen, account: Account) -> dict[str, datetime] | None:
    if not (chosen.settings.kafka or running_address(chosen.settings.home)):
        return None
    used: dict[str, datetime] = {}
    for stored in await arrived(account.name, log_of(chosen), account.clock() - _USES):
        key = str(stored.event.verified.get("key"))
        used[key] = max(stored.event.received, used.get(key, stored.event.received))
    return used


def _is_ours(account: Account, registration: Registration) -> bool:
    return registration.url.rstrip("/") == account.url


def _findings(account: Account, ours: Sequence[Registration], *, keeps: bool) -> list[str]:
    """``keeps``: the source verifies with the kept secrets."""
    command = f"`hub {click.get_current_context().obj} register {account.name}`"
    if not ours:
        return [f"{account.url} is not registered; {command} does that"]
    found = [f"{each.id} is {each.state}; {command} enables it" for each in ours if not each.enabled]
    if len(ours) > 1:
        ids = ", ".join(each.id for each in ours)
        found.append(f"the URL is registered more than once ({ids}); `remove --id` all but one")
    unknown = [
        f"{each.id} signs with a secret ending in {ending}, which is not kept; {command} gets another"
        for each in ours
        for ending in lost(each, account.secrets_of(each.id))
    ]
    return found + (unknown if keeps else [])


def _show(account: Account, seen: Seen) -> None:
    table = Table("webhook", "url", "state", "secrets at the sender", "events", box=None)
    for each in seen.registrations:
        secrets = ", ".join(_shown_secret(secret.ending, secret.expires) for secret in each.secrets)
        cells = (each.id, each.url, each.state, secrets, " ".join(each.events))
        table.add_row(*(Text(printable(cell)) for cell in cells))
    console = wide_console()
    console.print(table)
    table = Table("kept secret", "of", "since", "until", "last use (24 h)", box=None)
    for kept in seen.kept:
        key = account.registrar.thumbprint(kept.secret)
        until = shown_time(kept.expires) if kept.expires else ""
        table.add_row(key, Text(printable(kept.registration)), shown_time(kept.created), until, _use(seen, key))
    console.print(table)
    for finding in seen.findings:
        click.echo(finding, err=True)


def _shown_secret(ending: str, expires: datetime | None) -> str:
    return f"…{ending}" if expires is None else f"…{ending} until {shown_time(expires)}"


def _use(seen: Seen, key: str) -> str:
    if seen.used is None:
        return "no Kafka to ask"
    return shown_time(seen.used[key]) if key in seen.used else "none"


def _as_json(account: Account, seen: Seen) -> dict[str, object]:
    return {
        "url": account.url,
        "findings": seen.findings,
        "webhooks": [
            {
                "id": each.id,
                "url": each.url,
                "ours": _is_ours(account, each),
                "state": each.state,
                "events": each.events,
                "created": each.created,
                "secrets": [{"ending": secret.ending, "expires": secret.expires} for secret in each.secrets],
            }
            for each in seen.registrations
        ],
        "secrets": [
            {
                "key": key,
                "webhook": kept.registration,
                "created": kept.created,
                "expires": kept.expires,
                "last_use": (seen.used or {}).get(key),
            }
            for kept in seen.kept
            for key in (account.registrar.thumbprint(kept.secret),)
        ],
    }
