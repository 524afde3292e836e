"""The projection's database, for commands that ask it or make it anew."""

from hub.cli.wiring import fail
from hub.config.model import Configuration
from hub.config.settings import Settings
from hub.ledger.database import StoreUrlError
from hub.ledger.store import Store, store_at
from hub.supervisor import CONFIGURATION_ERROR


def projection(configuration: Configuration, settings: Settings) -> Store:
    """Nothing is connected to yet. Exits with 2 where ``status.url`` names no database."""
    try:
        return store_at(configuration.status.url, settings.home, configuration.topics.hub)
    except StoreUrlError as error:
        fail(str(error), CONFIGURATION_ERROR)
