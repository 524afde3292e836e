"""Registering and rotating such that a kill between any two steps costs no event, and the same command repairs it.

A secret is kept before anything else is done. One that the sender gave and that was not kept is lost: nobody can ask
for it. Earlier secrets sign beside it for a while, so the remedy is another rotation, within that time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from connectors.api import Registration
from hub.cli.sender.account import Account
from hub.config.kept_secrets import KeptSecret

_MARGIN = timedelta(hours=1)
"""Kept longer than the sender signs with it: clocks differ, and deliveries are under way."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What `register` did. ``secret`` is the newest one kept; ``others`` are further registrations of our URL."""

    registration: Registration
    secret: KeptSecret
    created: bool
    rotated: bool
    others: tuple[Registration, ...] = ()


async def register(account: Account, events: Sequence[str] | None) -> Registered:
    """Make sure that there is a registration of our URL, that it sends these events (None: all of a new one, those
    that an old one has), and that its secret is kept.
    """
    existing = await account.ours()
    if not existing:
        return await _create(account, events or account.registrar.event_types)
    # One whose secret is here goes on; of those that are left the oldest, which is the one that others know.
    chosen = next((each for each in existing if account.secrets_of(each.id)), existing[0])
    wanted = tuple(events or chosen.events)
    if set(wanted) != set(chosen.events) or not chosen.enabled:
        chosen = await account.registrar.update(chosen.id, wanted)
    others = tuple(each for each in existing if each.id != chosen.id)
    kept = account.secrets_of(chosen.id)
    if kept and not lost(chosen, kept):
        return Registered(chosen, kept[-1], created=False, rotated=False, others=others)
    secret = await rotate(account, chosen.id, revoke=False)
    return Registered(chosen, secret, created=False, rotated=True, others=others)


async def rotate(account: Account, registration: str, *, revoke: bool) -> KeptSecret:
    """A new secret, kept; the earlier ones are kept as long as they sign. ``revoke``: they do so no longer."""
    earlier = account.secrets_of(registration)
    secret = await account.registrar.rotate(registration, revoke=revoke)
    now = account.clock()
    kept = account.kept.keep(registration, secret, now)
    overlap = timedelta() if revoke else account.registrar.secret_overlap
    account.kept.expire(earlier, now + overlap + _MARGIN)
    forget_expired(account)
    return kept


async def remove(account: Account, registration: str) -> None:
    """What is still under way is verified for an hour."""
    await account.registrar.remove(registration)
    account.kept.expire(account.secrets_of(registration), account.clock() + _MARGIN)
    forget_expired(account)


def forget_expired(account: Account) -> None:
    now = account.clock()
    account.kept.forget([each for each in account.kept.all() if not each.valid(now)])


def lost(registration: Registration, kept: Sequence[KeptSecret]) -> tuple[str, ...]:
    """How the secrets end that sign for good and are not kept: once the others have expired, nothing verifies."""
    ours = [each.secret.get_secret_value() for each in kept]
    return tuple(
        each.ending
        for each in registration.secrets
        if each.expires is None and not any(secret.endswith(each.ending) for secret in ours)
    )


async def _create(account: Account, events: Sequence[str]) -> Registered:
    registration, secret = await account.registrar.create(account.url, events)
    kept = account.kept.keep(registration.id, secret, account.clock())
    forget_expired(account)
    # A proxy or a client that repeated the request has left another one, whose secret nobody knows.
    others = tuple(each for each in await account.ours() if each.id != registration.id)
    return Registered(registration, kept, created=True, rotated=False, others=others)
