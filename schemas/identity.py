"""The identity of a delivery: equal on every attempt, redelivery and machine."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, NewType, Protocol
from urllib.parse import quote

DeliveryId = NewType("DeliveryId", str)
"""``<source>/<event id>~<12 hex of the body's SHA-256>:<route>:<destination>``, parts percent-encoded."""

Run = NewType("Run", str)
"""Empty for the live run, ``p…`` for a replay, ``r<n>`` for a redrive."""

LIVE = Run("")


class OncePer(StrEnum):
    """What a route may count deliveries by, in place of the event's id."""

    SUBJECT = "subject"
    TYPE = "type"
    ENDPOINT = "endpoint"


class Identified(Protocol):
    """What an event's deliveries are named by."""

    @property
    def source(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def endpoint(self) -> str: ...


class DeliveryKey(NamedTuple):
    """What gets exactly one terminal outcome."""

    id: DeliveryId
    run: Run


def replay_of(run: Run) -> str | None:
    """The id of the replay a run is of; None for the live run and for redrives."""
    return run[1:] if run.startswith("p") else None


def destination_of(delivery: DeliveryId) -> str:
    """The name of the destination in a delivery's id."""
    return delivery.rpartition(":")[2]


def delivery_id(source: str, event_id: str, digest: str, route: str, destination: str) -> DeliveryId:
    """Name the delivery of one event to one destination by one route.

    ``digest`` is the hex SHA-256 of the body: a reused event id with another body is another delivery, so it is
    delivered and reported as a conflict, never dropped as a duplicate.
    """
    return DeliveryId(f"{source}/{quote(event_id, safe='')}~{digest[:12]}:{route}:{destination}")


def delivery_id_of(event: Identified, route: str, destination: str, once_per: Sequence[OncePer] = ()) -> DeliveryId:
    """Name the delivery of an event, or with ``once_per`` that of all events of its source which agree in these:
    ``<source>/subject=123&type=batch.succeeded:<route>:<destination>``.

    An event without a subject has its own id and digest in its name all the same: nothing says what it is about. No
    other delivery's name has a ``=`` in it, so that none is taken for another.
    """
    if not once_per or not event.subject:
        return delivery_id(event.source, event.id, event.digest, route, destination)
    values = {OncePer.SUBJECT: event.subject, OncePer.TYPE: event.type, OncePer.ENDPOINT: event.endpoint}
    named = "&".join(f"{each}={quote(values[each], safe='')}" for each in OncePer if each in once_per)
    return DeliveryId(f"{event.source}/{named}:{route}:{destination}")
