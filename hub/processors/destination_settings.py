"""What delivering to one destination needs to know of ``hub.yaml``, as it is now and as it was."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError

from connectors.api import Expression, Options
from hub.config.model import Configuration, DestinationEntry, Order, RetryConfig, Route, SourceEntry, Target
from schemas.delivery import DeliveryRecord

Past = Callable[[str], Awaitable[Configuration | None]]
"""An earlier revision of the configuration; None where nobody knows it any more."""

_MOST_KNOWN = 10_000  # routes and sources of earlier revisions


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """What a route says about this destination. ``options`` None: the route is gone, and without it, or without a
    variable that it needs, there are none.
    """

    options: Options | None
    retry: RetryConfig
    strict: bool = False
    stale_after: timedelta | None = None
    enrich: str | None = None
    transform: Expression | None = None


class DestinationSettings:
    """What the partitions of one destination need to know of ``hub.yaml``. It is always the newest that says so; what
    is gone from there was last said by the revision that decided a delivery.

    ``called`` is what routes call the destination, where it has another name by now.
    """

    def __init__(
        self, configuration: Configuration, entry: DestinationEntry, past: Past, called: str | None = None
    ) -> None:
        self.entry = entry
        self.timeout = entry.settings.timeout.total_seconds()
        self._called = called or entry.name
        self._past = past
        self._gone: dict[tuple[str, str], RouteSettings] = {}  # by route and revision
        self._gone_sources: dict[tuple[str, str], SourceEntry | None] = {}  # by source and revision
        self._without_route = RouteSettings(_defaults(entry), entry.settings.retry)
        self.use(configuration)

    def use(self, configuration: Configuration) -> None:
        """From now on this is the newest. What began goes on with what it began with."""
        self.delays = configuration.delays
        self.revision = configuration.revision
        self._sources = configuration.sources
        self._routes: Mapping[str, RouteSettings] = _routes(configuration, self._called)

    async def know(self, records: Iterable[DeliveryRecord]) -> None:
        """Look up what these need that is no longer configured. Before `of_route`, `source` and `payload_member`."""
        for record in records:
            revision = record.revision
            if self._lacks(record) and (past := await self._past(revision)) is not None:
                self._learn(record, past)
                if len(self._gone) + len(self._gone_sources) > _MOST_KNOWN:
                    self._gone.clear()
                    self._gone_sources.clear()
                    self._learn(record, past)

    def of_route(self, record: DeliveryRecord) -> RouteSettings:
        """The newest settings of its route; those of its revision where the route is gone; the destination's defaults
        where nobody knows it.
        """
        found = self._routes.get(record.route)
        return found or self._gone.get((record.route, record.revision), self._without_route)

    def source(self, record: DeliveryRecord) -> SourceEntry | None:
        """Where its event came from: as that is now, or, where it is gone, as it was by its revision; None where nobody
        knows it.
        """
        name = record.event.source
        return self._sources.get(name) or self._gone_sources.get((name, record.revision))

    def payload_member(self, record: DeliveryRecord) -> str | None:
        """Which member of the body its source calls ``data``, if any."""
        source = self.source(record)
        return None if source is None else source.connector.payload_member

    def _lacks(self, record: DeliveryRecord) -> bool:
        source = record.event.source
        return (record.route not in self._routes and (record.route, record.revision) not in self._gone) or (
            source not in self._sources and (source, record.revision) not in self._gone_sources
        )

    def _learn(self, record: DeliveryRecord, past: Configuration) -> None:
        entry = past.destinations.get(record.destination)
        fits = entry is not None and entry.connector is self.entry.connector
        routes = _routes(past, record.destination) if fits else {}
        self._gone[record.route, record.revision] = routes.get(record.route, self._without_route)
        source = record.event.source
        self._gone_sources[source, record.revision] = past.sources.get(source)


def _routes(configuration: Configuration, destination: str) -> dict[str, RouteSettings]:
    """By the name of each route that goes there, and by the one it had before."""
    found = [(route, target) for route in configuration.routes for target in route.to]
    there = [(route, _settings(route, target)) for route, target in found if target.destination == destination]
    return {
        **{route.was: settings for route, settings in there if route.was is not None},
        **{route.id: settings for route, settings in there},
    }


def _settings(route: Route, target: Target) -> RouteSettings:
    if not target.whole:
        return RouteSettings(None, RetryConfig())
    strict = route.order is Order.STRICT
    return RouteSettings(target.options, target.retry, strict, route.stale_after, route.enrich, route.transform)


def _defaults(entry: DestinationEntry) -> Options | None:
    try:
        return entry.connector.options_model()
    except ValidationError:  # some are required
        return None
