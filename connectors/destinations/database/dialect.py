"""What differs between the databases."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import URL, Connection, Table
from sqlalchemy.engine.interfaces import DBAPIConnection

from connectors.destinations.database.rows import Row


class Dialect(ABC):
    """How one kind of database is connected to and written. Every method raises what its driver raises."""

    def __init__(self, table: Table, statement_timeout: timedelta) -> None:
        self.table = table
        self.columns = tuple(table.columns.keys())
        self.statement_timeout = statement_timeout
        self.lock_timeout = statement_timeout / 2  # shorter, so that waiting for a lock is reported as what it is

    @abstractmethod
    def connect_arguments(self, url: URL) -> dict[str, Any]:
        """What the driver gets beside the URL."""

    @abstractmethod
    def connected(self, connection: DBAPIConnection) -> None:
        """Called with every new connection."""

    @abstractmethod
    def begun(self, connection: Connection) -> None:
        """Called at the start of every transaction."""

    @abstractmethod
    def upsert(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write rows, no two of which have the same key."""
