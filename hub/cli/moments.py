"""Times on the command line: ``--since 24h`` or ``--since 2026-02-01T12:00:00Z``."""

from datetime import UTC, datetime

import click

from schemas.quantities import parse_moment


class Moment(click.ParamType):
    """A timezone-aware time: RFC 3339, or a duration before now. Without an offset it is local time."""

    name = "24h|RFC3339"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse_moment(str(value), datetime.now(UTC))
        except ValueError as error:
            self.fail(str(error), param, ctx)
