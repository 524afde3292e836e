"""What delivering to one destination needs to know of ``hub.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError

from connectors.api import Expression, Options
from hub.config.model import Configuration, DestinationEntry, Order, RetryConfig


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """What a route says about this destination. ``options`` None: the route is gone, and without it there are none."""

    options: Options | None
    retry: RetryConfig
    strict: bool = False
    stale_after: timedelta | None = None
    enrich: str | None = None
    transform: Expression | None = None


class DestinationSettings:
    """What the partitions of one destination need to know of ``hub.yaml``."""

    def __init__(self, configuration: Configuration, entry: DestinationEntry) -> None:
        self.entry = entry
        self.timeout = entry.settings.timeout.total_seconds()
        self.delays = configuration.delays
        self.revision = configuration.revision
        self._configuration = configuration
        self._routes: Mapping[str, RouteSettings] = {
            route.id: RouteSettings(
                target.options,
                target.retry,
                route.order is Order.STRICT,
                route.stale_after,
                route.enrich,
                route.transform,
            )
            for route in configuration.routes
            for target in route.to
            if target.destination == entry.name
        }
        self._without_route = RouteSettings(_defaults(entry), entry.settings.retry)

    def of_route(self, route: str) -> RouteSettings:
        """An event may come from a route that is no longer configured: the destination's defaults then."""
        return self._routes.get(route, self._without_route)

    def payload_member(self, source: str) -> str | None:
        return self._configuration.payload_member(source)


def _defaults(entry: DestinationEntry) -> Options | None:
    try:
        return entry.connector.options_model()
    except ValidationError:  # some are required
        return None
