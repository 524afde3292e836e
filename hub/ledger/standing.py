"""How the hub stands, put together from what the log, the workers' reports and the projection say. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from hub.ledger.in_force import InForce, problems_of
from hub.ledger.key_uses import KeyUses
from hub.ledger.queries import Overview
from schemas.control import Control
from schemas.identity import DeliveryId
from schemas.lane import Lane
from schemas.report import DestinationReport, DestinationState

FRESH = timedelta(seconds=15)
"""An older report says nothing: its worker is gone, or cannot reach Kafka."""

_WORST_FIRST = (
    DestinationState.DOWN,
    DestinationState.THROTTLED,
    DestinationState.OPENING,
    DestinationState.PAUSED,
    DestinationState.UP,
)


@dataclass(frozen=True, slots=True)
class Oldest:
    """The delivery that has waited longest, and why."""

    delivery: DeliveryId
    received: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Retries:
    """What waits in the retry tiers for one destination. ``complete`` False: at least so many."""

    waiting: int = 0
    next_due: datetime | None = None
    complete: bool = True


class KnownSecret(Protocol):
    """A shared secret of the configuration (`hub.config.known_secrets`). ``key`` is its thumbprint."""

    @property
    def source(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def since(self) -> datetime | None: ...
    @property
    def until(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read. ``backlog`` and ``heads`` are per destination and lane; ``undecided`` are events that route has
    not committed yet. ``controls`` are those of the destinations that are paused. ``overview`` None: there is no
    projection; ``away`` says why where it cannot be asked. ``shortened`` are topics that end before what was committed:
    their log lost its end, or is another one. ``ends`` are those of the ledger's topics. ``retired`` are destinations
    that are no longer configured and not empty. ``secrets`` are those of the configuration, and ``keys`` when they were
    last used, which nobody looks up where there is none.
    """

    at: datetime
    destinations: Sequence[str]
    undecided: int
    backlog: Mapping[tuple[str, Lane], int]
    heads: Mapping[tuple[str, Lane], Oldest]
    retries: Mapping[str, Retries]
    reports: Sequence[DestinationReport]
    controls: Mapping[str, Control]
    overview: Overview | None
    away: str | None
    shortened: Sequence[str]
    ends: Mapping[tuple[str, int], int]
    in_force: InForce
    retired: Sequence[str] = ()
    secrets: Sequence[KnownSecret] = ()
    keys: KeyUses = field(default_factory=KeyUses)


@dataclass(frozen=True, slots=True)
class LaneStanding:
    """``backlog`` counts what is not committed, ``in_flight`` included."""

    lane: Lane
    backlog: int
    in_flight: int
    oldest: Oldest | None


@dataclass(frozen=True, slots=True)
class DestinationStanding:
    """``state`` is the worst that a worker reports; None where none does. ``per_minute`` None: nobody knows."""

    name: str
    state: DestinationState | None
    reason: str | None
    until: datetime | None
    lanes: tuple[LaneStanding, ...]
    retries: Retries
    per_minute: float | None
    dead: int | None
    workers: tuple[str, ...]
    revisions: tuple[str, ...]
    retired: bool = False


@dataclass(frozen=True, slots=True)
class SecretStanding:
    """A shared secret of a source, by its thumbprint. ``since`` and ``until`` are known of those that the hub keeps.
    ``used`` is when the newest event came that it verified; None: none since ``unused_since``, or none at all, as far
    as the log goes back, where that is None, too.
    """

    source: str
    key: str
    since: datetime | None
    until: datetime | None
    used: datetime | None
    unused_since: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """``problems`` are what a person should look at, each a part of a sentence; none: all is well. ``behind`` counts
    the records that the projection has not taken in; None where there is no projection.
    """

    at: datetime
    in_force: InForce
    undecided: int
    destinations: tuple[DestinationStanding, ...]
    behind: int | None
    problems: tuple[str, ...]
    secrets: tuple[SecretStanding, ...] = ()

    @property
    def summary(self) -> str:
        """One sentence."""
        if self.problems:
            return f"Not all is well: {'; '.join(self.problems)}."
        count = sum(not one.retired for one in self.destinations)
        up = f"{count} destinations are up" if count != 1 else "the destination is up"
        return f"All is well: {up}, nothing waits for a person."


def stand(seen: Seen) -> Standing:
    """Put it together."""
    destinations = tuple(_destination(seen, name) for name in dict.fromkeys([*seen.destinations, *seen.retired]))
    behind = None
    if seen.overview is not None:
        positions = seen.overview.positions
        behind = sum(max(end - positions.get(where, 0), 0) for where, end in seen.ends.items())
    return Standing(
        at=seen.at,
        in_force=seen.in_force,
        undecided=seen.undecided,
        destinations=destinations,
        behind=behind,
        problems=tuple(_problems(seen, destinations)),
        secrets=tuple(_secret(seen.keys, each) for each in seen.secrets),
    )


def _secret(uses: KeyUses, secret: KnownSecret) -> SecretStanding:
    used = uses.last.get((secret.source, secret.key))
    unused_since = uses.complete_since if used is None else None
    return SecretStanding(secret.source, secret.key, secret.since, secret.until, used, unused_since)


def _destination(seen: Seen, name: str) -> DestinationStanding:
    fresh = [one for one in seen.reports if one.destination == name and seen.at - one.at <= FRESH]
    worst = min(fresh, key=lambda one: _WORST_FIRST.index(one.state), default=None)
    state, reason = (worst.state, worst.reason) if worst else (None, None)
    control = seen.controls.get(name)
    if control is not None:
        state, reason = DestinationState.PAUSED, f"by {control.by}: {control.reason}"
    return DestinationStanding(
        name=name,
        state=state,
        reason=reason,
        until=worst.until if worst else None,
        lanes=tuple(_lane(seen, name, lane, fresh) for lane in Lane),
        retries=seen.retries.get(name, Retries()),
        per_minute=None if seen.overview is None else seen.overview.per_minute.get(name, 0.0),
        dead=None if seen.overview is None else seen.overview.dead.get(name, 0),
        workers=tuple(sorted(one.worker for one in fresh)),
        revisions=tuple(sorted({one.revision for one in fresh})),
        retired=name in seen.retired,
    )


def _lane(seen: Seen, name: str, lane: Lane, fresh: Sequence[DestinationReport]) -> LaneStanding:
    reports = [one for report in fresh for one in report.lanes if one.lane is lane]
    waiting = [one.oldest for one in reports if one.oldest is not None]
    oldest = [Oldest(one.delivery, one.received, one.why) for one in waiting]
    if not oldest and (head := seen.heads.get((name, lane))) is not None:
        oldest = [head]
    return LaneStanding(
        lane=lane,
        backlog=seen.backlog.get((name, lane), 0),
        in_flight=sum(one.in_flight for one in reports),
        oldest=min(oldest, key=lambda one: one.received, default=None),
    )


def _problems(seen: Seen, destinations: Sequence[DestinationStanding]) -> Iterator[str]:
    silent = [one.name for one in destinations if not one.workers]
    if destinations and len(silent) == len(destinations):
        waiting = seen.undecided + sum(seen.backlog.values())
        records = f"{waiting:,} {'records wait' if waiting > 1 else 'record waits'}"
        yield f"no worker runs, and {records}" if waiting else "no worker runs"
    elif silent:
        yield f"no worker delivers to {', '.join(silent)}"
    for one in destinations:
        if one.state not in {None, DestinationState.UP}:
            yield f"{one.name} is {one.state}" + (f" ({one.reason})" if one.reason else "")
    dead = sum(one.dead or 0 for one in destinations)
    if dead:
        yield f"{dead:,} dead {'letters wait' if dead > 1 else 'letter waits'} for a person"
    yield from problems_of(seen.in_force, seen.at)
    for topic in seen.shortened:
        yield f"{topic} ends before what was worked off: it lost its end, or is another one (see `hub ledger verify`)"
    if seen.away is not None:
        yield f"the status database is away ({seen.away})"
