"""Writes many rows at once, each in place of the one that has its key, in the way that each database does best."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

Rows = Sequence[Sequence[Any]]
"""Values in the order of the table's columns; no two rows have one key."""


class Upsert(ABC):
    """Statements are made once per table and kept."""

    def __init__(self) -> None:
        self._statements: dict[tuple[str, str], Any] = {}

    def upsert(self, connection: Connection, table: Table, rows: Rows, add: str = "") -> None:
        """``add`` names a column whose values are added to those that are there instead of put in their place."""
        if not rows:
            return
        statement = self._statements.get((table.name, add))
        if statement is None:
            statement = self._statements[table.name, add] = self._statement(connection, table, add)
        self._execute(connection, statement, table, rows)

    def ensure(self, connection: Connection, table: Table, rows: Rows) -> None:
        """Insert those rows whose key is not there yet."""
        names = table.columns.keys()
        if rows:
            statement = self._insert(table).on_conflict_do_nothing()
            connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])

    @abstractmethod
    def _insert(self, table: Table) -> Any: ...

    @abstractmethod
    def _statement(self, connection: Connection, table: Table, add: str, /) -> Any: ...

    @abstractmethod
    def _execute(self, connection: Connection, statement: Any, table: Table, rows: Rows, /) -> None: ...


class SqliteUpsert(Upsert):
    """One prepared statement for all rows; given to the driver as it is, which saves a third."""

    def _insert(self, table: Table) -> Any:
        return sqlite.insert(table)

    def _statement(self, connection: Connection, table: Table, add: str, /) -> str:
        values = self._insert(table).values({name: bindparam(name) for name in table.columns.keys()})  # noqa: SIM118  (it iterates over columns, not names)
        return str(_or_replace(values, table, add).compile(dialect=connection.dialect))

    def _execute(self, connection: Connection, statement: Any, _table: Table, rows: Rows, /) -> None:
        connection.exec_driver_sql(statement, [tuple(row) for row in rows])


class PostgresUpsert(Upsert):
    """One statement with an array per column: a row is not a round trip, and not a parameter list of its own."""

    def _insert(self, table: Table) -> Any:
        return postgresql.insert(table)

    def _statement(self, _connection: Connection, table: Table, add: str, /) -> Any:
        columns = [func.unnest(bindparam(one.name, type_=postgresql.ARRAY(one.type))) for one in table.columns]
        return _or_replace(self._insert(table).from_select(table.columns.keys(), select(*columns)), table, add)

    def _execute(self, connection: Connection, statement: Any, table: Table, rows: Rows, /) -> None:
        columns = zip(*rows, strict=True)
        connection.execute(statement, dict(zip(table.columns.keys(), map(list, columns), strict=True)))


def _or_replace(insert: Any, table: Table, add: str) -> Any:
    replaced = {one.name: insert.excluded[one.name] for one in table.columns if not one.primary_key}
    if add:
        replaced[add] = table.c[add] + insert.excluded[add]
    return insert.on_conflict_do_update(index_elements=table.primary_key.columns, set_=replaced)
