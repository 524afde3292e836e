"""Which routes an event takes: one pure function for the router, for replays, for tests and for whoever explains.

A route *matches* an event if it is enabled, its ``when`` matches (or there is none), its ``unless`` does not, and the
event is in its ``sample``. Of the routes without ``otherwise`` the event takes, in the order of the file, those that
match, up to and including the first one that has ``stop``. If there is none, it takes those with ``otherwise`` that
match, likewise.
"""

from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from connectors.api import BadRecordError, Template
from hub.config.loading import without_collection
from hub.config.model import Configuration, Route
from hub.config.written import PRIORITIES
from hub.log.records import EventOutline
from hub.rules import RouteIndex
from schemas.decision import DecidedDelivery
from schemas.document import Document
from schemas.identity import OncePer, delivery_id_of
from schemas.lane import Lane


class _Planned(NamedTuple):
    """A delivery as a route has it made, in one piece: memory is what it costs to find one of very many. Its id is made
    of the names that route and destination had first.
    """

    route: str
    destination: str
    first_route: str
    first_destination: str
    once_per: tuple[OncePer, ...]
    priority: Lane | Template


class Rules:
    """One revision of the routes, compiled. Immutable; any number of threads may ask.

    ``as_if_enabled`` are ids of routes that count as enabled whatever the file says.
    """

    def __init__(self, configuration: Configuration, as_if_enabled: Collection[str] = ()) -> None:
        self.revision = configuration.revision
        self._routes = [route for route in configuration.routes if route.enabled or route.id in as_if_enabled]
        first = {name: entry.was or name for name, entry in configuration.destinations.items()}
        self._planned = [tuple(_planned(route, first)) for route in self._routes]
        self._choosy = any(map(_is_choosy, self._routes))
        with without_collection():
            self._index = RouteIndex([route.when for route in self._routes])
        self._payload_member = {name: configuration.payload_member(name) for name in configuration.sources}

    def document(self, event: EventOutline) -> Document:
        """The event as the routes see it."""
        return Document(event, self._payload_member.get(event.source))

    def routes(self, document: Mapping[str, Any]) -> list[Route]:
        """The routes that an event takes, in the order of the file.

        Raises:
            MalformedRecordError: the event's record cannot be read.
        """
        return [self._routes[position] for position in self._taken(document)]

    def decide(self, event: EventOutline) -> tuple[DecidedDelivery, ...]:
        """The deliveries of one event, in the order of the routes.

        Raises:
            MalformedRecordError
        """
        document = self.document(event)
        return tuple(
            [
                DecidedDelivery(
                    route, destination, delivery_id_of(event, first, former, once_per), _lane(priority, document)
                )
                for position in self._taken(document)
                for route, destination, first, former, once_per, priority in self._planned[position]
            ]
        )

    def _taken(self, document: Mapping[str, Any]) -> list[int]:
        matching = self._index.match(document)
        if not self._choosy:
            return matching
        passing = [position for position in matching if passes(self._routes[position], document)]
        first = self._until_stop(position for position in passing if not self._routes[position].otherwise)
        return first or self._until_stop(passing)

    def _until_stop(self, positions: Iterable[int]) -> list[int]:
        taken = []
        for position in positions:
            taken.append(position)
            if self._routes[position].stop:
                break
        return taken


def _planned(route: Route, first: Mapping[str, str]) -> Iterable[_Planned]:
    """``first`` is the name that each destination had first."""
    called = route.was or route.id
    for target in route.to:
        name = target.destination
        yield _Planned(route.id, name, called, first.get(name, name), route.once_per, route.priority)


def _is_choosy(route: Route) -> bool:
    return route.stop or route.otherwise or route.unless is not None or route.sample is not None


def passes(route: Route, document: Mapping[str, Any]) -> bool:
    """Whether an event that its ``when`` matches gets past ``unless`` and ``sample``."""
    return (route.unless is None or not route.unless.matches(document)) and in_sample(route, document)


def in_sample(route: Route, document: Mapping[str, Any]) -> bool:
    """By a hash of the route's first id and the event's: the same on every replay, and independent of others' samples.

    An event that came without an id has the random one the hub gave it.
    """
    if route.sample is None:
        return True
    named = "\0".join((route.was or route.id, str(document.get("source", "")), str(document.get("id", ""))))
    digest = sha256(named.encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8]) < route.sample * 2**64


def _lane(priority: Lane | Template, document: Document) -> Lane:
    """The lane a route gives to an event; NORMAL for whatever is none that a route may choose."""
    if isinstance(priority, Lane):
        return priority
    try:
        return _CHOICES.get(priority.render(document).strip().lower(), Lane.NORMAL)
    except BadRecordError:  # a template that cannot be rendered for this event must not cost the delivery
        return Lane.NORMAL


_CHOICES = {str(lane): lane for lane in PRIORITIES}
