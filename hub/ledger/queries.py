"""What people ask the projection."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, inspect, select

from hub.ledger.rows import microseconds
from hub.ledger.store import PartitionKey, Store, translated

_MINUTE = 60_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class Overview:
    """``positions``: how far the projection is, per topic and partition. ``per_minute``: how many deliveries to each
    destination ended within the last minute. ``dead``: dead letters of each that nobody has redriven or discarded.
    """

    positions: Mapping[PartitionKey, int]
    per_minute: Mapping[str, float]
    dead: Mapping[str, int]


def overview(store: Store, now: datetime) -> Overview | None:
    """None where there is no projection yet. Blocks; waits for no writer.

    Raises:
        StoreAwayError
    """
    if not store.exists:
        return None
    with translated(), store.reading() as connection:
        if not inspect(connection).has_table(store.tables.positions.name):
            return None
        positions = store.tables.positions
        return Overview(
            positions={(topic, partition): each for topic, partition, each in connection.execute(select(positions))},
            per_minute=_per_minute(store, connection, now),
            dead=_dead(store, connection),
        )


def _per_minute(store: Store, connection: Connection, now: datetime) -> dict[str, float]:
    """The minute so far, and as much of the one before as makes it a whole one."""
    counts = store.tables.counts
    this = microseconds(now.replace(second=0, microsecond=0))
    before = this - _MINUTE
    part = 1 - (now.second + now.microsecond / 1e6) / 60
    rows = connection.execute(
        select(counts.c.destination, counts.c.minute, func.sum(counts.c.outcomes))
        .where(counts.c.minute.in_([this, before]), counts.c.state == "delivered")
        .group_by(counts.c.destination, counts.c.minute)
    )
    rates: dict[str, float] = {}
    for destination, minute, count in rows:
        rates[destination] = rates.get(destination, 0.0) + float(count) * (1 if minute == this else part)
    return rates


def _dead(store: Store, connection: Connection) -> dict[str, int]:
    """Those that no run followed; a replay stands beside the runs and changes nothing."""
    dead = store.tables.deliveries.alias("dead")
    later = store.tables.deliveries.alias("later")
    followed = select(later.c.key).where(later.c.key == dead.c.key, later.c.ordinal > dead.c.ordinal).exists()
    rows = connection.execute(
        select(dead.c.destination, func.count().label("dead"))
        .where(dead.c.state == "dead", dead.c.ordinal >= 0, ~followed)
        .group_by(dead.c.destination)
    )
    return {row.destination: int(row.dead) for row in rows}
