"""Durations (``5s 5m 24h 7d``) and sizes (``64kB 1MB``) as people write them in ``hub.yaml``."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WHOLE_SECONDS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_BYTES = {"B": 1, "kB": 1000, "MB": 1000**2, "GB": 1000**3}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(B|kB|MB|GB)")


def parse_duration(text: object) -> timedelta:
    """Read a duration such as ``500ms``, ``5s``, ``5m``, ``24h`` or ``7d``.

    Raises:
        ValueError: the text has another form; the message says which forms there are.
    """
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a number and a unit, like 500ms, 5s, 5m, 24h or 7d")
    try:
        return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])
    except OverflowError:
        raise ValueError(f"{text!r} is longer than any duration the hub can hold") from None


def parse_moment(text: str, now: datetime) -> datetime:
    """Read a point in time: RFC 3339, or a duration before ``now``. Without an offset it is local time.

    Raises:
        ValueError: the text has another form; the message says which forms there are.
    """
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    except OverflowError:
        return datetime.fromtimestamp(0, UTC)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is neither a duration (90m, 24h, 7d) nor a time (2026-02-01T12:00:00Z)") from None


def parse_size(text: object) -> int:
    """Read a size in bytes such as ``64kB`` or ``1MB`` (powers of 1000); a whole number is bytes.

    Raises:
        ValueError: the text has another form; the message says which forms there are.
    """
    if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
        return text
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a size; write a number and a unit, like 512B, 64kB or 1MB")
    return int(float(match[1]) * _BYTES[match[2]])


def write_duration(value: timedelta) -> str:
    """A duration as it is written in ``hub.yaml``: the largest unit of which it is a whole number."""
    milliseconds = round(value.total_seconds() * 1000)
    seconds, rest = divmod(milliseconds, 1000)
    if rest or not seconds:
        return f"{milliseconds}ms"
    return next(f"{seconds // one}{unit}" for unit, one in _WHOLE_SECONDS if seconds % one == 0)


Duration = Annotated[timedelta, BeforeValidator(parse_duration, json_schema_input_type=str)]
Size = Annotated[int, BeforeValidator(parse_size, json_schema_input_type=str | int)]
