"""What every processor of a worker is given."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.api import OutgoingHttp
from connectors.context import utc_now
from hub.config.model import Configuration
from hub.log.connection import KafkaConnection
from hub.log.writer import LogWriter
from hub.processors.enriching import Enriching


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``failed`` is called when a processor cannot go on; the process must
    then stop, and begin anew. ``session_timeout`` is in seconds.
    """

    configuration: Configuration
    connection: KafkaConnection
    writer: LogWriter
    http: OutgoingHttp
    home: Path
    failed: Callable[[BaseException], None]
    enriching: Enriching
    session_timeout: float = 6.0
    clock: Callable[[], datetime] = utc_now
