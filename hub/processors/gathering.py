"""One range of one topic, as it comes together: what is stored of it, and what is to be said of each of its records."""

import logging
import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connectors.api import BadRecordError, Collection, Delivery
from hub.delivery.policy import describe
from hub.log.records import MalformedRecordError, Record, encode_delivery
from hub.processors.shared import Shared
from hub.processors.unreadable import unreadable
from hub.processors.window import Received
from schemas.delivery import DeliveryRecord
from schemas.identity import DeliveryKey
from schemas.lane import Lane
from schemas.outcome import Outcome, OutcomeState
from schemas.report import Waiting

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Ended:
    """What an outcome will say of one delivery."""

    key: DeliveryKey
    route: str
    received: datetime
    offset: int
    error: str | None


@dataclass(slots=True)
class Gathering:
    """The offsets from ``start`` up to, not including, ``end``. ``sealed`` is what it must become, where an earlier
    worker may have stored it. ``size`` is in bytes, ``since`` in seconds of the monotonic clock.
    """

    topic: str
    lane: Lane
    start: int
    collection: Collection[Any]
    sealed: range | None = None
    since: float = field(default_factory=time.monotonic)
    end: int = 0
    size: int = 0
    records: list[Received] = field(default_factory=list)
    first: Waiting | None = None
    dead: list[tuple[DeliveryRecord, str]] = field(default_factory=list)
    _unreadable: list[Record] = field(default_factory=list)
    _ended: list[_Ended] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def keys(self) -> list[DeliveryKey]:
        return [one.key for one in self._ended]

    def add(self, received: Received, record: DeliveryRecord, shared: Shared) -> None:
        """The next one is to be stored; where it cannot be, it is a dead letter."""
        error = self._collect(record, shared)
        self._ended.append(_Ended(record.key, record.route, record.event.received, received.offset, error))
        if error is not None:
            self.dead.append((record, error))
        if self.first is None:
            event = record.event
            self.first = Waiting(record.id, record.run, event.partition_key, event.received, 1, "collected")
        self.pass_over(received)

    def add_unreadable(self, received: Received, error: MalformedRecordError) -> None:
        """The next one is no hub's record; it becomes a dead letter as it is."""
        self._unreadable.append(unreadable(received, error))
        self.pass_over(received)

    def pass_over(self, received: Received) -> None:
        """The next one needs nothing (more): it only is a part of the range."""
        self.records.append(received)
        self.size += received.size
        self.end = received.offset + 1
        received.let_go()

    def letters(self, started: datetime) -> list[Record]:
        """The dead letters of what cannot be stored or read."""
        return self._unreadable + [
            encode_delivery(replace(record, attempt=1, first_attempt=started, error=error))
            for record, error in self.dead
        ]

    def outcomes(self, shared: Shared, started: datetime, ended: datetime) -> list[Outcome]:
        """One for every delivery in it."""
        return [
            Outcome(
                delivery=one.key.id,
                run=one.key.run,
                route=one.route,
                destination=shared.name,
                state=OutcomeState.DELIVERED if one.error is None else OutcomeState.DEAD,
                attempt=1,
                offset=one.offset,
                received=one.received,
                started=started,
                ended=ended,
                error=one.error,
                lane=self.lane,
            )
            for one in self._ended
        ]

    def _collect(self, record: DeliveryRecord, shared: Shared) -> str | None:
        """Why it cannot be stored, if so."""
        options = shared.settings.of_route(record).options
        if options is None:
            return (
                f"route {record.route!r} is no longer in hub.yaml; {shared.name!r} cannot do without its options, "
                "put it back and redrive this"
            )
        member = shared.settings.payload_member(record)
        try:
            self.collection.add(Delivery(record.key, record.event, record.route, 1, options, payload_member=member))
        except BadRecordError as error:
            reason = describe(error)
        except Exception as error:  # noqa: BLE001  (a plugin may raise anything, and it will again)
            reason = describe(error)
            _log.warning("a connector cannot collect a delivery", extra={"delivery": record.id}, exc_info=error)
        else:
            return None
        return reason
