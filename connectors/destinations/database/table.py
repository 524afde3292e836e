"""The table: what it looks like, and whether the one that is there will do."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    Column,
    Connection,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    inspect,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Inspector
from sqlalchemy.schema import CreateTable
from sqlalchemy.types import TypeEngine

from connectors.api import DestinationDownError
from connectors.destinations.database.config import Key, RowsOf
from connectors.destinations.database.result_rows import RESULT_COLUMNS
from connectors.destinations.database.rows import COLUMNS

# SQLite: a column declared JSON or TIMESTAMP has NUMERIC affinity there, which rewrites what looks like a number.
_JSON = Text().with_variant(JSONB(), "postgresql")
_TIME = Text().with_variant(TIMESTAMP(timezone=True), "postgresql")
_TYPES: Mapping[str, TypeEngine[Any]] = {
    "time": _TIME,
    "received": _TIME,
    "metadata": _JSON,
    "data": _JSON,
    "response": _JSON,
    "error": _JSON,
    "line": Integer(),
}
_NULLABLE = {"subject", "time", "data", "key", "response", "error"}
_CREATE_LOCK = 7_231_946_025_117_340_902  # any constant: the advisory lock under which workers create tables


def table_named(named: str, key: Key, rows: RowsOf = RowsOf.EVENT) -> Table:
    """Describe the table ``named``, with or without its schema before it."""
    schema, _, bare = named.rpartition(".")
    names: tuple[str, ...] = COLUMNS
    keys = key.columns
    if rows is RowsOf.RESULT:
        names, keys = RESULT_COLUMNS, (*keys, "line")
    columns = [Column(name, _TYPES.get(name, Text()), nullable=name in _NULLABLE) for name in names]
    return Table(bare, MetaData(), *columns, PrimaryKeyConstraint(*keys), schema=schema or None)


def ensure_table(connection: Connection, table: Table) -> None:
    """Create the table if it is not there; else check that it has every column and the key.

    Raises:
        DestinationDownError: the table that is there will not do; the message names what it lacks.
    """
    if connection.dialect.name == "postgresql":
        # Two workers that create one table at once would meet in a unique violation of pg_type.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _CREATE_LOCK})
    inspector = inspect(connection)
    if inspector.has_table(table.name, schema=table.schema):
        _check(inspector, table)
    else:
        connection.execute(CreateTable(table, if_not_exists=True))


def _check(inspector: Inspector, table: Table) -> None:
    present = {column["name"] for column in inspector.get_columns(table.name, schema=table.schema)}
    missing = [column.name for column in table.columns if column.name not in present]
    if missing:
        raise DestinationDownError(
            f"table {table.fullname} exists without the columns {', '.join(missing)}; add them, or name another table"
        )
    key = [column.name for column in table.primary_key]
    if set(key) not in _unique_keys(inspector, table):
        raise DestinationDownError(
            f"table {table.fullname} exists without a primary or unique key over ({', '.join(key)}), "
            "which `key` needs; add it, or name another table"
        )


def _unique_keys(inspector: Inspector, table: Table) -> list[set[str | None]]:
    there = (table.name, table.schema)
    keys: list[Sequence[str | None]] = [inspector.get_pk_constraint(*there)["constrained_columns"]]
    keys += [constraint["column_names"] for constraint in inspector.get_unique_constraints(*there)]
    keys += [
        index["column_names"]
        for index in inspector.get_indexes(*there)
        if index["unique"] and not any(option.endswith("_where") for option in index.get("dialect_options", {}))
    ]
    return [set(columns) for columns in keys]
