"""The projection's database, for commands that ask it or make it anew."""

from hub.cli.wiring import fail
from hub.config.model import Configuration
from hub.config.settings import Settings
from hub.ledger.database import DEFAULT_URL, StoreUrlError
from hub.ledger.store import Store
from hub.supervisor import CONFIGURATION_ERROR


def projection(configuration: Configuration, settings: Settings) -> Store:
    """Nothing is connected to yet. Exits with 2 where ``status.url`` names no database."""
    url = configuration.status.url
    try:
        return Store(url.get_secret_value() if url else DEFAULT_URL, settings.home, configuration.topics.hub)
    except StoreUrlError as error:
        fail(str(error), CONFIGURATION_ERROR)
