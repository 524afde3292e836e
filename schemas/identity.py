"""The identity of a delivery: equal on every attempt, redelivery and machine."""

from typing import NamedTuple, NewType
from urllib.parse import quote

DeliveryId = NewType("DeliveryId", str)
"""``<source>/<event id>~<12 hex of the body's SHA-256>:<route>:<destination>``, parts percent-encoded."""

Run = NewType("Run", str)
"""Empty for the live run, ``p…`` for a replay, ``r<n>`` for a redrive."""

LIVE = Run("")


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
