"""The hub's own news: events of source ``hub`` in ``hub.events``. What their bodies say."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schemas.identity import DeliveryId

HUB_SOURCE = "hub"
"""The source of the hub's own events. No source of ``hub.yaml`` may have this name."""


class NewsType(StrEnum):
    """The event's type, ``ce_type``."""

    DELIVERY_DEAD = "delivery.dead"  # a delivery was given up; its record is in hub.dead-letters
    DESTINATION_DOWN = "destination.down"  # nobody gets through; its deliveries wait
    DESTINATION_UP = "destination.up"  # after a destination.down: deliveries go through again
    ID_CONFLICT = "id.conflict"  # a sender used an id again, with another body; both are delivered
    CONFIGURATION_REFUSED = "configuration.refused"  # a process cannot take up a revision, and runs the one before
    LEDGER_MISSING = "ledger.missing"  # something that was accepted has no decision, or a delivery no end


class Severity(StrEnum):
    ERROR = "error"  # somebody must do something: delivery.dead, configuration.refused, ledger.missing
    WARNING = "warning"  # somebody should look: destination.down, id.conflict
    INFO = "info"  # destination.up


@dataclass(frozen=True, slots=True)
class Happening:
    """One of the things a piece of news stands for; null where it has no such thing.

    ``delivery`` is what it happened to, by ``route``; ``event`` (``<source>/<id>``) where it happened to no single
    delivery. ``error`` is ``<ErrorType>: <message>``, 1 kB at most.
    """

    at: datetime
    route: str | None = None
    delivery: DeliveryId | None = None
    event: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NewsItem:
    """The body of an event of source ``hub``; its subject is the destination.

    The same thing happened ``count`` times to ``destination`` (null where it is about none) since the last news of it:
    ``first`` and ``last`` are examples, the same one where ``count`` is 1. ``message`` says it all in a sentence for
    people; its wording may change. Each worker tells the same thing of one destination once in a minute at most.
    """

    type: NewsType
    severity: Severity
    destination: str | None
    count: int
    message: str
    first: Happening
    last: Happening
