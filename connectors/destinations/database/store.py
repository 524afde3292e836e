"""The blocking side: one connection to one table. Used by one thread at a time."""

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import URL, Table, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

from connectors.api import BadRecordError
from connectors.destinations.database.dialect import Dialect
from connectors.destinations.database.errors import FOREIGN, delivery_error
from connectors.destinations.database.rows import Row
from connectors.destinations.database.table import ensure_table


class Store:
    """Writes rows into the table of a dialect. Every method but ``dispose`` raises DeliveryErrors, and only those."""

    def __init__(self, url: URL, dialect: Dialect, log: logging.Logger) -> None:
        self._dialect = dialect
        self._table: Table = dialect.table
        self._key = [dialect.columns.index(column.name) for column in self._table.primary_key]
        self._log = log
        try:
            self._engine = create_engine(
                url,
                connect_args=dialect.connect_arguments(url),
                pool_size=1,
                max_overflow=0,
                pool_pre_ping=True,  # a connection that died in the meantime is replaced without a failed delivery
                hide_parameters=True,  # no value of an event in an error's text
            )
        except FOREIGN as error:
            raise delivery_error(error) from error
        event.listen(self._engine, "connect", self._connected)

    def prepare(self) -> None:
        """Connect, and create or check the table."""
        try:
            with self._engine.begin() as connection:
                self._dialect.begun(connection)
                ensure_table(connection, self._table)
        except FOREIGN as error:
            raise delivery_error(error) from error

    def write(self, rows: Sequence[Row]) -> list[BadRecordError | None]:
        """Upsert the rows in their order; of two with one key the later wins. Gives each row's error, or None.

        When the database refuses data, the rows are halved until the bad ones stand alone: n bad rows among m cost
        about 2 n log2(m) transactions, and their neighbours are written.

        Raises:
            DeliveryError: a failure of another kind, for all rows; some of them may have been written.
        """
        try:
            self._write_all(rows)
        except BadRecordError as error:
            if len(rows) == 1:
                return [error]
            middle = len(rows) // 2
            return [*self.write(rows[:middle]), *self.write(rows[middle:])]
        return [None] * len(rows)

    def dispose(self) -> None:
        """Close the connection. Never raises."""
        try:
            self._engine.dispose()
        except FOREIGN as error:
            self._log.warning("the connection to the database did not close cleanly: %s", delivery_error(error))

    def _write_all(self, rows: Sequence[Row]) -> None:
        try:
            with self._engine.begin() as connection:
                self._dialect.begun(connection)
                self._dialect.upsert(connection, self._one_per_key(rows))
        except FOREIGN as error:
            raise delivery_error(error) from error

    def _one_per_key(self, rows: Sequence[Row]) -> list[Row]:
        # ON CONFLICT DO UPDATE cannot touch a row twice in one statement. Sorted, so that two workers take the row
        # locks in the same order and cannot deadlock.
        last = {tuple(str(row[column]) for column in self._key): row for row in rows}
        return [last[key] for key in sorted(last)]

    def _connected(self, connection: DBAPIConnection, _record: Any) -> None:
        self._dialect.connected(connection)
