"""SQLite: one prepared upsert for all rows, in write-ahead mode, so that readers are never in the way."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Table
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine.interfaces import DBAPIConnection

from connectors.destinations.database.dialect import Dialect
from connectors.destinations.database.rows import Row


class SQLite(Dialect):
    def __init__(self, table: Table, statement_timeout: timedelta) -> None:
        super().__init__(table, statement_timeout)
        rows = insert(table)
        key = [column.name for column in table.primary_key]
        self._upsert = rows.on_conflict_do_update(
            index_elements=key, set_={name: rows.excluded[name] for name in self.columns if name not in key}
        )

    def connect_arguments(self, url: URL) -> dict[str, Any]:
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        return {"timeout": self.lock_timeout.total_seconds()}

    def connected(self, connection: DBAPIConnection) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # NORMAL may lose the last commits when the power fails
        cursor.close()

    def begun(self, connection: Connection) -> None:
        """Nothing to set: SQLite begins with the first statement that writes."""

    def upsert(self, connection: Connection, rows: Sequence[Row]) -> None:
        connection.execute(self._upsert, [dict(zip(self.columns, row, strict=True)) for row in rows])
