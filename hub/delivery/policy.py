"""What to do about a failed attempt: try again, give up, or leave the destination alone for a while."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from connectors.errors import BadRecordError, DestinationDownError, RetryableError, ThrottledError


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
    """Try this delivery again, not before ``delay`` from now. The attempt counts."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class Dead:
    """Give this delivery up."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Call the destination again for anything only after ``delay``. The attempt does not count."""

    delay: timedelta


Decision = Retry | Dead | Pause


def decide(error: BaseException, *, attempt: int, age: timedelta, setbacks: int, settings: RetrySettings) -> Decision:
    """Decide what follows from ``error``.

    Args:
        attempt: the number of the attempt that failed, 1 for the first.
        age: time since the first attempt began, pauses of the destination not counted.
        setbacks: how often in a row the destination was down, this time included.
    """
    if isinstance(error, BadRecordError):
        return Dead(describe(error))
    if isinstance(error, ThrottledError):
        return Pause(error.retry_after)
    if isinstance(error, DestinationDownError):
        return Pause(backoff(setbacks, settings))
    if attempt >= settings.max_attempts:
        return Dead(f"given up after {attempt} attempts: {describe(error)}")
    if age >= settings.max_age:
        return Dead(f"given up after {age}: {describe(error)}")
    wanted = error.retry_after if isinstance(error, RetryableError) else None
    return Retry(max(backoff(attempt, settings), wanted or timedelta()))


def backoff(failures: int, settings: RetrySettings) -> timedelta:
    """The pause after so many failures in a row: ``backoff``, doubled each time, up to ``max_backoff``."""
    factor = min(2.0 ** min(failures - 1, 60), settings.max_backoff / max(settings.backoff, timedelta.resolution))
    return min(settings.backoff * factor, settings.max_backoff)


def describe(error: BaseException) -> str:
    """``<ErrorType>: <message>``, as outcomes and dead letters say it."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
