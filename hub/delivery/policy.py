"""What to do about a failed attempt: try again, give up, or leave the destination alone for a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from connectors.errors import (
    BadRecordError,
    DestinationDownError,
    DestinationGoneError,
    RetryableError,
    ThrottledError,
)


class RetrySettings(Protocol):
    """When to try again and when to give up: ``retry:`` of ``hub.yaml`` (`hub.config.model.RetryConfig`)."""

    @property
    def max_attempts(self) -> int: ...
    @property
    def max_age(self) -> timedelta: ...
    @property
    def backoff(self) -> timedelta: ...
    @property
    def max_backoff(self) -> timedelta: ...


@dataclass(frozen=True, slots=True)
class Retry:
    """Try this delivery again, ``delay`` from now. The attempt counts.

    ``tier`` says where it waits: in the retry tier of that delay, while later deliveries of its subject go ahead; or
    in its place, and they behind it.
    """

    delay: timedelta
    tier: bool


@dataclass(frozen=True, slots=True)
class Dead:
    """Give this delivery up."""

    reason: str


@dataclass(frozen=True, slots=True)
class Discard:
    """Nobody wants this delivery any more; it was not tried."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Call the destination again for anything only after ``delay``. The attempt does not count.

    ``down``: it is out of order, as opposed to asking for less.
    """

    delay: timedelta
    down: bool


@dataclass(frozen=True, slots=True)
class Hold:
    """Leave the destination alone until a person says otherwise. The attempt does not count."""

    reason: str


Decision = Retry | Dead | Discard | Pause | Hold


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed, and what is known of the delivery and its destination.

    ``attempt`` is the number of the attempt, 1 for the first; ``age`` the time since the first one began, without the
    time for which the destination was left alone. ``setbacks`` is how often in a row the destination was down, this
    time included. ``outage`` says that by what became of its neighbours the destination is down, not the delivery bad.
    """

    error: BaseException
    attempt: int
    age: timedelta
    setbacks: int
    outage: bool = False


def decide(failure: Failure, settings: RetrySettings, delays: Sequence[timedelta], *, strict: bool) -> Decision:
    """Decide what follows. ``delays`` are those of the retry tiers, ascending; ``strict`` the route's order."""
    error = failure.error
    if isinstance(error, BadRecordError):
        return Dead(describe(error))
    if failure.outage or isinstance(error, DestinationDownError | ThrottledError):
        return leave_alone(error, failure.setbacks, settings)
    if failure.attempt >= settings.max_attempts:
        return Dead(f"given up after {failure.attempt} attempts: {describe(error)}")
    if failure.age >= settings.max_age:
        return Dead(f"given up after {failure.age}: {describe(error)}")
    wanted = (error.retry_after if isinstance(error, RetryableError) else None) or timedelta()
    if strict:
        return Retry(max(backoff(failure.attempt, settings), wanted), tier=False)
    return Retry(tier_for(failure.attempt, wanted, delays), tier=True)


def leave_alone(error: BaseException, setbacks: int, settings: RetrySettings) -> Pause | Hold:
    """What follows where the destination is to blame; ``setbacks`` as in `Failure`."""
    if isinstance(error, DestinationGoneError):
        return Hold(describe(error))
    if isinstance(error, ThrottledError):
        return Pause(error.retry_after, down=False)
    return Pause(backoff(setbacks, settings), down=True)


def tier_for(attempt: int, wanted: timedelta, delays: Sequence[timedelta]) -> timedelta:
    """The delay after so many attempts: at least ``wanted``, as far as there is one as long."""
    own = delays[min(attempt, len(delays)) - 1]
    return max(own, next((delay for delay in delays if delay >= wanted), delays[-1]))


def backoff(failures: int, settings: RetrySettings) -> timedelta:
    """The pause after so many failures in a row: ``backoff``, doubled each time, up to ``max_backoff``."""
    factor = min(2.0 ** min(failures - 1, 60), settings.max_backoff / max(settings.backoff, timedelta.resolution))
    return min(settings.backoff * factor, settings.max_backoff)


def describe(error: BaseException) -> str:
    """``<ErrorType>: <message>``, as outcomes and dead letters say it."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
