"""What people write for ``type: database``."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from connectors.api import DestinationConfig, Duration

_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",  # what many hosting providers put into DATABASE_URL
}

TableName = Annotated[str, StringConstraints(pattern=rf"^({_IDENTIFIER}\.)?{_IDENTIFIER}$")]


class Key(StrEnum):
    """What makes two deliveries the same row."""

    EVENT = "event"
    DELIVERY = "delivery"

    @property
    def columns(self) -> tuple[str, ...]:
        return ("source", "id") if self is Key.EVENT else ("delivery",)


class RowsOf(StrEnum):
    """What becomes rows."""

    EVENT = "event"
    RESULT = "result"


class DatabaseConfig(DestinationConfig):
    """Options of ``type: database``."""

    url: SecretStr = Field(
        description="`sqlite:///FILE` (relative to the hub's data folder, `.hub`; four slashes for an absolute path) "
        "or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`."
    )
    table: TableName = Field(
        "events", description="Table to write, `name` or `schema.name`; created if it is not there (a schema is not)."
    )
    key: Key = Field(
        Key.EVENT,
        description="`event`: one row per (source, id), by whatever route; `delivery`: one per route and event.",
    )
    rows: RowsOf = Field(
        RowsOf.EVENT,
        description="`event`: one row for each delivery. `result`: one for each line of what a route with `enrich` "
        "fetched, in a table of its own; `key` and the line then make the row.",
    )
    statement_timeout: Duration = Field(
        timedelta(seconds=20),
        ge=timedelta(milliseconds=1),
        le=timedelta(days=1),
        description="Longest time for one statement. Keep it under the destination's `timeout`.",
    )

    @field_validator("url")
    @classmethod
    def _supported(cls, url: SecretStr) -> SecretStr:
        try:
            parsed = make_url(url.get_secret_value())
        except ArgumentError:
            raise ValueError("not a database URL; write sqlite:///FILE or postgresql://…") from None
        if parsed.drivername not in _DRIVERS:
            raise ValueError(f"no driver for {parsed.drivername!r}; there are: {', '.join(sorted(_DRIVERS))}")
        if parsed.drivername == "sqlite" and parsed.database in {None, "", ":memory:"}:
            raise ValueError("a database in memory is gone with the process; name a file: sqlite:///events.db")
        return url

    @model_validator(mode="after")
    def _schema_only_where_there_are_schemas(self) -> "DatabaseConfig":
        if "." in self.table and make_url(self.url.get_secret_value()).drivername == "sqlite":
            raise ValueError(f"SQLite has no schemas; write table: {self.table.partition('.')[2]}")
        return self

    @property
    def needs_result(self) -> bool:
        return self.rows is RowsOf.RESULT

    def sqlalchemy_url(self, home: Path) -> URL:
        """The URL with its driver chosen and a SQLite file made absolute, below ``home`` if it is relative."""
        url = make_url(self.url.get_secret_value())
        url = url.set(drivername=_DRIVERS[url.drivername])
        if url.drivername == "sqlite+pysqlite" and url.database:
            url = url.set(database=str(home.absolute() / url.database))
        return url
