"""Fields of parsed bodies that may have any shape: what is not there, or not as expected, is None."""

from datetime import UTC, datetime
from typing import Any


def member(value: Any, name: str) -> Any:
    """A member of an object; None of anything else."""
    return value.get(name) if isinstance(value, dict) else None


def text(value: Any) -> str | None:
    """Text that is not empty; a whole number counts as its digits, since many senders number their things."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def instant(value: Any) -> datetime | None:
    """An RFC 3339 time, in UTC. One without a time zone is no point in time."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return None if time.tzinfo is None else time if time.tzinfo is UTC else time.astimezone(UTC)
    except (ValueError, OverflowError):  # OverflowError: 0001-01-01T00:00:00+05:00 has no UTC equivalent
        return None
