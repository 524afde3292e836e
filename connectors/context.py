"""What the hub hands to every connector: a logger, a clock, and an HTTP client that cannot be turned inwards."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from connectors.outgoing import OutgoingHttp


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Context:
    """``name`` is the name in ``hub.yaml``; ``home`` the hub's data folder (relative paths of a connector that keeps
    files are below it); ``http`` guards against requests to private addresses; ``clock`` gives the time in UTC.
    """

    name: str
    home: Path
    logger: logging.Logger
    http: OutgoingHttp
    clock: Callable[[], datetime] = utc_now
