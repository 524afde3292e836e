"""PostgreSQL: COPY into a temporary table, then one INSERT … SELECT … ON CONFLICT DO UPDATE."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import URL, Column, Connection, MetaData, Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.schema import CreateTable

from connectors.destinations.database.dialect import Dialect
from connectors.destinations.database.rows import Row

_CONNECT_TIMEOUT_S = 5
_STAGING, _STAGING_RESULTS = "event_hub_batch", "event_hub_result_batch"


class PostgreSQL(Dialect):
    def __init__(self, table: Table, statement_timeout: timedelta) -> None:
        super().__init__(table, statement_timeout)
        # One temporary table per connection, emptied at each commit. One per batch would bloat the catalogue.
        # By its name it has these columns: behind a pooler another destination's may be on the same connection.
        staged = _STAGING_RESULTS if "line" in table.c else _STAGING
        staging = Table(
            staged,
            MetaData(),
            *(Column(name, table.c[name].type) for name in self.columns),
            prefixes=["TEMPORARY"],
            postgresql_on_commit="DELETE ROWS",
        )
        # One round trip per transaction. The settings are the transaction's, and the table is asked for each time:
        # behind PgBouncer the next transaction may be on another server connection.
        dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # SQLAlchemy left its constructor untyped
        self._prologue = (
            f"SET LOCAL statement_timeout = {_milliseconds(self.statement_timeout)}; "
            f"SET LOCAL lock_timeout = {_milliseconds(self.lock_timeout)}; "
            f"{CreateTable(staging, if_not_exists=True).compile(dialect=dialect)}"
        )
        self._copy = f"COPY {staged} ({', '.join(self.columns)}) FROM STDIN"
        rows = insert(table).from_select(self.columns, select(staging))
        key = [column.name for column in table.primary_key]
        self._merge = rows.on_conflict_do_update(
            index_elements=key, set_={name: rows.excluded[name] for name in self.columns if name not in key}
        )

    def connect_arguments(self, url: URL) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "application_name": "event-hub",
            # A server that vanished without a word is noticed in about 20 s, not in two hours.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 2,
            "tcp_user_timeout": _milliseconds(self.statement_timeout),
            "prepare_threshold": None,  # prepared statements do not survive a pooler such as PgBouncer
        }
        return {name: value for name, value in arguments.items() if name not in url.query}

    def connected(self, connection: DBAPIConnection) -> None:
        """Nothing to set: everything is set per transaction."""

    def begun(self, connection: Connection) -> None:
        connection.exec_driver_sql(self._prologue)

    def upsert(self, connection: Connection, rows: Sequence[Row]) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        with driver.cursor() as cursor, cursor.copy(self._copy) as copy:
            for row in rows:
                copy.write_row(row)
        connection.execute(self._merge)


def _milliseconds(duration: timedelta) -> int:
    return max(1, round(duration.total_seconds() * 1000))
