"""Connects to the database of the projection: SQLite or PostgreSQL."""

from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

DEFAULT_URL = "sqlite:///status.db"

_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}
READING = "hub_reading"
"""The execution option of a connection that only reads: it waits for no writer."""

_LOCK_TIMEOUT = 10.0  # seconds
_STATEMENT_TIMEOUT = 30.0
_POSTGRESQL: dict[str, Any] = {
    "connect_timeout": 5,
    "application_name": "event-hub-status",
    # A server that vanished without a word is noticed in about 20 s, not in two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": int(_STATEMENT_TIMEOUT * 1000),
    "prepare_threshold": None,  # prepared statements do not survive a pooler such as PgBouncer
}


class StoreUrlError(ValueError):
    """``status.url`` names no database that the projection can live in. The message never shows the URL."""


def engine_for(url: str, home: Path) -> Engine:
    """An engine whose transactions write, each as a whole. A relative SQLite file is below ``home``.

    Raises:
        StoreUrlError
    """
    parsed = _parsed(url, home)
    sqlite = parsed.get_backend_name() == "sqlite"
    arguments = (
        {"timeout": _LOCK_TIMEOUT}
        if sqlite
        else {name: value for name, value in _POSTGRESQL.items() if name not in parsed.query}
    )
    try:
        engine = create_engine(
            parsed,
            connect_args=arguments,
            pool_size=1,
            pool_pre_ping=not sqlite,  # a connection that died in the meantime is replaced
            hide_parameters=True,  # no value of an event in an error's text
        )
    except SQLAlchemyError as error:
        raise StoreUrlError(f"status.url cannot be used: {type(error).__name__}") from error
    if sqlite:
        event.listen(engine, "connect", _connected_sqlite)
        event.listen(engine, "begin", _begun_sqlite)
    else:
        event.listen(engine, "begin", _begun_postgresql)
    return engine


def _parsed(url: str, home: Path) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreUrlError("status.url is no database URL; write sqlite:///FILE or postgresql://…") from None
    if parsed.drivername not in _DRIVERS:
        known = ", ".join(sorted(_DRIVERS))
        raise StoreUrlError(f"status.url: no driver for {parsed.drivername!r}; there are: {known}")
    parsed = parsed.set(drivername=_DRIVERS[parsed.drivername])
    if parsed.get_backend_name() != "sqlite":
        return parsed
    if parsed.database in {None, "", ":memory:"}:
        raise StoreUrlError("status.url: a database in memory is gone with the process; name a file")
    return parsed.set(database=str(home.absolute() / str(parsed.database)))


def _connected_sqlite(connection: DBAPIConnection, _record: object) -> None:
    # The driver begins a transaction only with the first statement that writes, so what was read before may be old.
    connection.isolation_level = None
    with closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
        # A power failure may take the last commits, whole ones: the positions go back with the rows.
        cursor.execute("PRAGMA synchronous=NORMAL")


def _begun_sqlite(connection: Connection) -> None:
    # Who means to write waits here for who does; else it may find out too late that what it read has changed.
    reading = connection.get_execution_options().get(READING)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _begun_postgresql(connection: Connection) -> None:
    statement, lock = int(_STATEMENT_TIMEOUT * 1000), int(_LOCK_TIMEOUT * 1000)
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {statement}; SET LOCAL lock_timeout = {lock}")
