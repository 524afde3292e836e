"""Faults of PostgreSQL: it dies and comes back, and other people's transactions hold what the hub wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg

from tests.chaos.arena import Arena
from tests.chaos.events import make_event
from tests.chaos.schedule import Fault

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

_AHEAD, _BEHIND = 60, 200  # events
_PATIENCE = 20.0  # seconds for the hub to come across the row
_NEWEST = "SELECT max(substr(id, 5)::int) FROM events WHERE id LIKE 'evt-%'"
_INSERT = """\
INSERT INTO events (source, id, type, received, metadata, route, delivery)
VALUES ('shop', %s, 'held', now(), '{}', 'held', 'held') ON CONFLICT DO NOTHING"""
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'event-hub' AND wait_event_type = 'Lock'"


@asynccontextmanager
async def restarted_database(arena: Arena, fault: Fault) -> AsyncIterator[None]:
    """By turns as in a power failure, and by an administrator."""
    await asyncio.to_thread(arena.postgres.kill if fault.number % 2 else arena.postgres.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(arena.postgres.start)


@asynccontextmanager
async def locked_table(arena: Arena, _: Fault) -> AsyncIterator[None]:
    async with await _connect(arena) as connection:
        with suppress(psycopg.errors.UndefinedTable):  # nothing was delivered yet
            await connection.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        yield
        await connection.rollback()


@asynccontextmanager
async def deadlock(arena: Arena, fault: Fault) -> AsyncIterator[None]:
    """Hold the row of an event that is to come; once the hub waits for it, want the rows that the hub holds."""
    async with await _connect(arena) as connection, await _connect(arena) as watch:
        await watch.set_autocommit(True)
        if (newest := await _newest(watch)) is None:
            yield  # nothing was delivered yet
            return
        await connection.execute("SET LOCAL deadlock_timeout = '60s'")  # so that the hub is the one that is told
        crossing = asyncio.create_task(_cross(connection, watch, newest + _AHEAD))
        yield
        await asyncio.wait([crossing], timeout=_PATIENCE)
        crossing.cancel()
        await asyncio.wait([crossing])
        with suppress(psycopg.Error):
            await connection.rollback()


async def _cross(
    connection: Connection,
    watch: Connection,
    wanted: int,
) -> None:
    with suppress(psycopg.Error):  # we were told
        await connection.execute(_INSERT, [make_event(wanted).id])
        while not await _count(watch, _WAITING):  # noqa: ASYNC110  (the server tells nobody)
            await asyncio.sleep(0.02)
        for number in range(max(0, wanted - _BEHIND), wanted):
            await connection.execute(_INSERT, [make_event(number).id])


async def _connect(arena: Arena) -> Connection:
    return await psycopg.AsyncConnection.connect(arena.database_url)


async def deadlocks(url: str) -> int:
    """How many the server has broken."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return await _count(connection, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")


async def _newest(connection: Connection) -> int | None:
    """The highest number in the table; None if there is none, or no table."""
    with suppress(psycopg.errors.UndefinedTable):
        row = await (await connection.execute(_NEWEST)).fetchone()
        return row[0] if row else None
    return None


async def _count(connection: Connection, query: str) -> int:
    row = await (await connection.execute(query.encode())).fetchone()
    assert row is not None
    return int(row[0])
