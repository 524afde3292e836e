"""What the hub hands to every connector: a logger, a clock, and an HTTP client that cannot be turned inwards."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.outgoing import OutgoingHttp


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class HubKafka:
    """The hub's own Kafka. ``arguments`` are those of aiokafka's clients, credentials among them; topics whose names
    begin with ``reserved`` are the hub's. ``guard`` a client of aiokafka before it is started: it then uses no other
    cluster that has taken the address.
    """

    arguments: Mapping[str, Any] = field(repr=False)
    reserved: str
    guard: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Context:
    """``name`` is the name in ``hub.yaml``; ``home`` the hub's data folder (relative paths of a connector that keeps
    files are below it); ``http`` guards against requests to private addresses; ``clock`` gives the time in UTC.
    ``kafka`` is there for destinations, in a worker.
    """

    name: str
    home: Path
    logger: logging.Logger
    http: OutgoingHttp
    clock: Callable[[], datetime] = utc_now
    kafka: HubKafka | None = None
