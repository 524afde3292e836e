"""The projection in a database: rows, counts and positions change together or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Connection, delete, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from hub.ledger.database import DEFAULT_URL, READING, engine_for
from hub.ledger.entries import Stretch
from hub.ledger.fold import Changes, DeliveryRowKey, delivery_key, fold_decisions, fold_outcomes
from hub.ledger.rows import DeliveryRow, microseconds
from hub.ledger.tables import FORMAT, Tables
from hub.ledger.upsert import PostgresUpsert, SqliteUpsert
from schemas.decision import Decision
from schemas.outcome import Outcome

_AT_ONCE = 500  # keys in one query

PartitionKey = tuple[str, int]
"""Topic and partition."""


class StoreAwayError(Exception):
    """The database does not answer, is full, or refuses. Nothing was written; the same again may work later."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A source used an id again for something else: both were accepted, and are delivered."""

    source: str
    id: str
    digest: str
    earlier: str


@dataclass(frozen=True, slots=True)
class Applied:
    """``positions`` are those of the stretches' partitions now, in their order. One below its stretch's begin: what
    is between is missing, and nothing of that stretch was taken in.
    """

    positions: Sequence[int]
    conflicts: Sequence[Conflict]


class Store:
    """Blocking; for one thread at a time. Several processes may write to one database: each partition's position says
    what is in it, so that an entry is taken in once, whoever reads it and whatever is killed.

    Every method raises StoreAwayError.

    Args:
        url: as ``status.url`` has it. Raises StoreUrlError.
    """

    def __init__(self, url: str, home: Path, hub: str) -> None:
        self._engine = engine_for(url, home)
        self._home = home
        self.tables = Tables(hub)
        self._bulk = PostgresUpsert() if self._engine.dialect.name == "postgresql" else SqliteUpsert()

    def open(self, topic_ids: Mapping[str, str]) -> bool:
        """Make the tables, or empty them if they are of another format or another log; whether they were empty.

        ``topic_ids`` are Kafka's ids of the ledger's topics: one that was deleted and made again has another.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        tables = self.tables
        with self._transaction() as connection:
            tables.metadata.create_all(connection)
            found = connection.scalars(select(tables.about.c.format)).all()
            known = {row.topic: row.id for row in connection.execute(select(tables.topics))}
            if found != [FORMAT]:
                tables.metadata.drop_all(connection)
                tables.metadata.create_all(connection)
                connection.execute(tables.about.insert(), [{"format": FORMAT}])
            elif any(known.get(topic, each) != each for topic, each in topic_ids.items()):
                self._clear(connection)
                connection.execute(delete(tables.topics))
            self._bulk.ensure(connection, tables.topics, sorted(topic_ids.items()))
            return not connection.execute(select(tables.positions).limit(1)).all()

    def clear(self) -> None:
        """Forget everything that was taken in."""
        with self._transaction() as connection:
            self._clear(connection)

    def apply(self, stretches: Sequence[Stretch]) -> Applied:
        """Take in what is new of them, in one transaction."""
        changes = Changes()
        with self._transaction() as connection:
            positions = self._locked_positions(connection, stretches)
            stored = self._stored_deliveries(connection, stretches)
            now: list[int] = []
            for stretch in stretches:
                where = (stretch.topic, stretch.partition)
                if stretch.begin <= positions[where] < stretch.end:
                    _fold(changes, stretch, positions[where], stored)
                    positions[where] = stretch.end
                now.append(positions[where])
            conflicts = self._conflicts(connection, changes)
            self._write(connection, changes, positions)
        return Applied(now, conflicts)

    def expire(self, before: datetime) -> int:
        """Delete what is older than the log keeps; how many rows that were."""
        limit = microseconds(before)
        tables = self.tables
        columns = (tables.decisions.c.decided, tables.deliveries.c.last, tables.counts.c.minute)
        with self._transaction() as connection:
            return sum(connection.execute(delete(column.table).where(column < limit)).rowcount for column in columns)

    def dispose(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @property
    def exists(self) -> bool:
        """False where it is a file that nobody has made yet: looking into it would make it."""
        file = self._engine.url.database
        return self._engine.dialect.name != "sqlite" or (file is not None and Path(file).exists())

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of everything, and waits for no writer."""
        with self._engine.connect().execution_options(**{READING: True}) as connection, connection.begin():
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with translated(), self._engine.begin() as connection:
            yield connection

    def _clear(self, connection: Connection) -> None:
        tables = self.tables
        for table in (tables.positions, tables.decisions, tables.deliveries, tables.counts):
            connection.execute(delete(table))

    def _locked_positions(self, connection: Connection, stretches: Sequence[Stretch]) -> dict[PartitionKey, int]:
        table = self.tables.positions
        wanted = sorted({(each.topic, each.partition) for each in stretches})  # in one order: no two deadlock
        self._bulk.ensure(connection, table, [(*each, 0) for each in wanted])
        query = select(table.c.topic, table.c.partition, table.c.position).order_by(table.c.topic, table.c.partition)
        key = tuple_(table.c.topic, table.c.partition)
        return {
            (topic, partition): position
            for some in _chunks(wanted)
            for topic, partition, position in connection.execute(query.where(key.in_(some)).with_for_update())
        }

    def _stored_deliveries(
        self, connection: Connection, stretches: Sequence[Stretch]
    ) -> dict[DeliveryRowKey, DeliveryRow]:
        table = self.tables.deliveries
        keys = {delivery_key(one)[0] for each in stretches for _, one in each.entries if isinstance(one, Outcome)}
        rows = (
            DeliveryRow(*row)
            for some in _chunks(sorted(keys))
            for row in connection.execute(select(table).where(table.c.key.in_(some)))
        )
        return {(row.key, row.run): row for row in rows}

    def _conflicts(self, connection: Connection, changes: Changes) -> list[Conflict]:
        """Events with a body that their id did not have before. Asked before the rows are written."""
        table = self.tables.decisions
        known: dict[bytes, list[str]] = {}
        for some in _chunks(sorted({row.event for row in changes.decisions.values()})):
            for event, digest in connection.execute(
                select(table.c.event, table.c.digest).where(table.c.event.in_(some)).distinct()
            ):
                known.setdefault(event, []).append(digest)
        found = []
        for row in changes.decisions.values():
            digests = known.setdefault(row.event, [])
            if row.digest not in digests:
                if digests:
                    found.append(Conflict(row.source, row.id, row.digest, digests[0]))
                digests.append(row.digest)
        return found

    def _write(self, connection: Connection, changes: Changes, positions: Mapping[PartitionKey, int]) -> None:
        tables = self.tables
        self._bulk.upsert(connection, tables.decisions, list(changes.decisions.values()), add="times")
        self._bulk.upsert(connection, tables.deliveries, list(changes.deliveries.values()))
        self._bulk.upsert(connection, tables.counts, changes.count_rows(), add="outcomes")
        rows = [(topic, partition, position) for (topic, partition), position in positions.items()]
        self._bulk.upsert(connection, tables.positions, rows)


@contextmanager
def translated() -> Iterator[None]:
    """What the database raises becomes StoreAwayError; its text has no values of a row."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise StoreAwayError(f"{type(cause).__name__}: {' '.join(str(cause).split())}") from error


def _fold(changes: Changes, stretch: Stretch, position: int, stored: Mapping[DeliveryRowKey, DeliveryRow]) -> None:
    new = [entry for offset, entry in stretch.entries if offset >= position]
    fold_decisions(changes, stretch.partition, [entry for entry in new if isinstance(entry, Decision)])
    fold_outcomes(changes, stretch.partition, [entry for entry in new if isinstance(entry, Outcome)], stored)


def _chunks(keys: Sequence[Any]) -> Iterator[list[Any]]:
    remaining = iter(keys)
    while some := list(islice(remaining, _AT_ONCE)):
        yield some


def store_at(url: SecretStr | None, home: Path, hub: str) -> Store:
    """The one that ``status.url`` names, a file of ``home`` unless it does; nothing is connected to yet.

    Raises:
        StoreUrlError
    """
    return Store(url.get_secret_value() if url else DEFAULT_URL, home, hub)
