"""The tables of the projection. Their names begin with the hub's, so that two hubs in one database share nothing."""

from hashlib import sha256

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text

FORMAT = 1
"""Of these tables. A store of another format is made anew: everything in it is in the log."""

_LONGEST_PREFIX = 40  # PostgreSQL cuts names at 63 bytes


class Tables:
    """The tables of one hub."""

    def __init__(self, hub: str) -> None:
        self.metadata = MetaData()
        prefix = hub if len(hub) <= _LONGEST_PREFIX else f"{hub[:30]}-{sha256(hub.encode()).hexdigest()[:9]}"
        self.about = self._table(f"{prefix}_ledger", Column("format", Integer, primary_key=True))
        self.positions = self._table(
            f"{prefix}_positions",
            Column("topic", Text, primary_key=True),
            Column("partition", Integer, primary_key=True),
            Column("position", BigInteger, nullable=False),  # the next offset to take in
        )
        self.topics = self._table(
            f"{prefix}_topics",
            Column("topic", Text, primary_key=True),
            Column("id", Text, nullable=False),  # Kafka's own: a topic that was made anew has another one
        )
        self.decisions = self._table(
            f"{prefix}_decisions",
            Column("partition", Integer, primary_key=True),
            Column("offset", BigInteger, primary_key=True),
            Column("event", LargeBinary, nullable=False),
            Column("source", Text, nullable=False),
            Column("id", Text, nullable=False),
            Column("digest", Text, nullable=False),
            Column("revision", Text, nullable=False),
            Column("decided", BigInteger, nullable=False),
            Column("routes", Text, nullable=False),
            Column("times", Integer, nullable=False),
        )
        Index(f"{prefix}_decisions_event", self.decisions.c.event)
        self.deliveries = self._table(
            f"{prefix}_deliveries",
            Column("key", LargeBinary, primary_key=True),
            Column("run", Text, primary_key=True),
            Column("delivery", Text, nullable=False),
            Column("ordinal", Integer, nullable=False),
            Column("partition", Integer, nullable=False),
            Column("route", Text, nullable=False),
            Column("destination", Text, nullable=False),
            Column("lane", Text, nullable=False),
            Column("state", Text, nullable=False),
            Column("attempts", Integer, nullable=False),
            Column("received", BigInteger, nullable=False),
            Column("first", BigInteger, nullable=False),
            Column("last", BigInteger, nullable=False),
            Column("error", Text),
            Column("superseded", Integer, nullable=False),
        )
        dead = text("state = 'dead'")  # few among many: the ones people ask for
        Index(f"{prefix}_deliveries_dead", self.deliveries.c.destination, sqlite_where=dead, postgresql_where=dead)
        self.counts = self._table(
            f"{prefix}_counts",
            Column("destination", Text, primary_key=True),
            Column("partition", Integer, primary_key=True),
            Column("minute", BigInteger, primary_key=True),
            Column("state", Text, primary_key=True),
            Column("outcomes", BigInteger, nullable=False),
        )

    def _table(self, name: str, *columns: Column[object]) -> Table:
        # Without its hidden row ids, SQLite keeps a row in its primary key: one tree to write instead of two.
        return Table(name, self.metadata, *columns, sqlite_with_rowid=False)
