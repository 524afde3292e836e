"""Everything on disk, in one SQLite file: what a transaction wrote survives kill -9, what it did not finish is gone.

One process at a time has it; a second one is refused. Calls block for well under a millisecond and are made in the
event loop: between two awaits nobody else changes anything.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    delete,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool

from connectors.sources.gemini.emulator.records import Counter, Record

R = TypeVar("R", bound=Record)

_METADATA = MetaData()
_ROWS = Table(
    "records",
    _METADATA,
    Column("position", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("due", Float),
    Column("body", Text, nullable=False),
    UniqueConstraint("kind", "key"),
    Index("records_due", "kind", "due"),
    sqlite_autoincrement=True,  # a page token stays right when the newest row is deleted
)
_BYTES = Table(
    "bytes", _METADATA, Column("name", String, primary_key=True), Column("content", LargeBinary, nullable=False)
)


_VERSION = 1
"""Of the file; raise it when a record changes so that old ones cannot be read."""


class StoreError(Exception):
    """The folder cannot be used: another emulator runs on it, or another version made it. The message says which."""


class Store:
    """Makes the folder, readable by its owner alone: the file holds signing secrets.

    Raises:
        StoreError
    """

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = home / "emulator.db"
        file.touch(mode=0o600)
        self._engine = create_engine(f"sqlite:///{file}", poolclass=StaticPool, connect_args={"timeout": 0.2})
        event.listen(self._engine, "connect", _configure)
        self._connection: Connection | None = None
        try:
            self._prepare(file)
        except OperationalError as error:
            self.close()
            raise StoreError(
                f"cannot use {file}: {error.orig}; if another emulator runs on this folder, stop it or give this one "
                "another --home"
            ) from error

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing. Inside another one it is part of that."""
        if self._connection is not None:
            yield
            return
        with self._engine.begin() as connection:
            self._connection = connection
            try:
                yield
            finally:
                self._connection = None

    def put(self, record: Record) -> None:
        values = {"due": record.row_due, "body": record.model_dump_json()}
        statement = insert(_ROWS).values(kind=record.kind, key=record.key, **values)
        with self._connected() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["kind", "key"], set_=values))

    def get(self, model: type[R], key: str) -> R | None:
        with self._connected() as connection:
            body = connection.scalar(select(_ROWS.c.body).where(_ROWS.c.kind == model.kind, _ROWS.c.key == key))
        return None if body is None else model.model_validate_json(body)

    def delete(self, record: Record) -> None:
        with self._connected() as connection:
            connection.execute(delete(_ROWS).where(_ROWS.c.kind == record.kind, _ROWS.c.key == record.key))

    def all(self, model: type[R]) -> list[R]:
        """Oldest first."""
        with self._connected() as connection:
            found = connection.scalars(
                select(_ROWS.c.body).where(_ROWS.c.kind == model.kind).order_by(_ROWS.c.position)
            ).all()
        return [model.model_validate_json(body) for body in found]

    def page(self, model: type[R], size: int, *, before: int | None, prefix: str = "") -> tuple[list[R], int | None]:
        """The newest ``size`` ones whose keys start with the prefix, and what to pass as ``before`` for older ones."""
        wanted = select(_ROWS.c.position, _ROWS.c.body).where(
            _ROWS.c.kind == model.kind, func.substr(_ROWS.c.key, 1, len(prefix)) == prefix
        )
        if before is not None:
            wanted = wanted.where(_ROWS.c.position < before)
        with self._connected() as connection:
            rows = connection.execute(wanted.order_by(_ROWS.c.position.desc()).limit(size + 1)).all()
        shown = rows[:size]
        return [model.model_validate_json(row.body) for row in shown], shown[-1].position if len(rows) > size else None

    def due(self, model: type[R], now: float, limit: int | None = None) -> Sequence[R]:
        """Those whose time has come, longest overdue first; all or so many."""
        wanted = select(_ROWS.c.body).where(_ROWS.c.kind == model.kind, _ROWS.c.due <= now)
        with self._connected() as connection:
            found = connection.scalars(wanted.order_by(_ROWS.c.due, _ROWS.c.position).limit(limit)).all()
        return [model.model_validate_json(body) for body in found]

    def next_due(self, after: float) -> float | None:
        """When the next record is due after this moment."""
        with self._connected() as connection:
            found: float | None = connection.scalar(select(func.min(_ROWS.c.due)).where(_ROWS.c.due > after))
        return found

    def next_number(self, name: str) -> int:
        """1, 2, 3 …"""
        with self.transaction():
            last = self.get(Counter, name)
            value = last.value + 1 if last else 1
            self.put(Counter(name=name, value=value))
        return value

    def write(self, name: str, content: bytes) -> None:
        statement = insert(_BYTES).values(name=name, content=content)
        with self._connected() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"content": content}))

    def read(self, name: str) -> bytes | None:
        with self._connected() as connection:
            found: bytes | None = connection.scalar(select(_BYTES.c.content).where(_BYTES.c.name == name))
        return found

    def erase(self, name: str) -> None:
        with self._connected() as connection:
            connection.execute(delete(_BYTES).where(_BYTES.c.name == name))

    def _prepare(self, file: Path) -> None:
        with self._engine.begin() as connection:
            version = connection.scalar(text("PRAGMA user_version"))
            if version not in {0, _VERSION}:
                raise StoreError(f"{file} was made by another version of the hub; remove it, or use another --home")
            _METADATA.create_all(connection)
            connection.execute(text(f"PRAGMA user_version = {_VERSION}"))

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self.transaction():
            assert self._connection is not None
            yield self._connection


def _configure(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # sqlite3's, which SQLAlchemy does not type
    for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
