"""What every processor of a worker is given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.api import OutgoingHttp
from connectors.context import utc_now
from hub.config.model import Configuration
from hub.log.connection import KafkaConnection
from hub.log.writer import LogWriter
from hub.processors.enriching import Enriching


async def nobody_knows(_: str) -> Configuration | None:
    """There is but one revision."""
    return None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``failed`` is called when a processor cannot go on; the process must then stop, and begin anew.
    ``session_timeout`` is in seconds. ``past`` finds an earlier revision of the configuration.
    """

    configuration: Configuration
    connection: KafkaConnection
    writer: LogWriter
    http: OutgoingHttp
    home: Path
    failed: Callable[[BaseException], None]
    enriching: Enriching
    session_timeout: float = 6.0
    past: Callable[[str], Awaitable[Configuration | None]] = nobody_knows
    clock: Callable[[], datetime] = utc_now
