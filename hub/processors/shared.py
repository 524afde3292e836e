"""What all partitions of one destination share in this process."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hub.log.topics import Topics
from hub.log.writer import LogWriter
from hub.processors.connector import Connector
from hub.processors.destination_settings import DestinationSettings
from hub.processors.enriching import Enriching
from hub.processors.gate import Gate
from hub.processors.pacing import Pacer
from schemas.delivery import DeliveryRecord


class Witness(Protocol):
    """Hears what happens to a destination, to tell people. Never raises, never waits."""

    def died(self, record: DeliveryRecord, reason: str) -> None: ...
    def went_down(self, reason: str) -> None: ...
    def came_up(self) -> None: ...
    def is_gone(self, reason: str) -> None:
        """The destination says so itself; it is to be paused until a person resumes it."""


@dataclass(frozen=True, slots=True)
class Shared:
    """``slots`` bounds the calls of an EachDestination over all partitions."""

    connector: Connector
    settings: DestinationSettings
    topics: Topics
    writer: LogWriter
    gate: Gate
    pacer: Pacer
    slots: asyncio.Semaphore
    witness: Witness
    clock: Callable[[], datetime]
    enriching: Enriching

    @property
    def name(self) -> str:
        return self.settings.entry.name
