"""Times on the command line: ``--since 24h`` or ``--since 2026-02-01T12:00:00Z``."""

from datetime import UTC, datetime

import click

from schemas.quantities import parse_duration


class Moment(click.ParamType):
    """A timezone-aware time: RFC 3339, or a duration before now. Without an offset it is local time."""

    name = "24h|RFC3339"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        text = str(value)
        try:
            return datetime.now(UTC) - parse_duration(text)
        except ValueError:
            pass
        except OverflowError:
            return datetime.fromtimestamp(0, UTC)
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is neither a duration (90m, 24h, 7d) nor a time (2026-02-01T12:00:00Z)", param, ctx)
