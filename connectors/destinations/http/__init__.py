"""Events as HTTP requests: to another hub, to any receiver of webhooks, or to an API of its own."""

from connectors.destinations.http.config import HttpConfig, HttpOptions
from connectors.destinations.http.destination import HttpDestination

__all__ = ["HttpConfig", "HttpDestination", "HttpOptions"]
