"""Rows in a real PostgreSQL."""

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.api import BadRecordError, Batch, DestinationDownError, Options, RetryableError
from connectors.destinations.database import DatabaseConfig, DatabaseDestination
from connectors.testing import context, delivery
from tests.fixtures.results import result
from tests.fixtures.rows import outcomes, postgres_rows

NewDatabase = Callable[..., DatabaseDestination]


@pytest.fixture
def database(postgres_database: str, tmp_path: Path) -> NewDatabase:
    def new(**options: Any) -> DatabaseDestination:
        config = DatabaseConfig.model_validate({"url": postgres_database, **options})
        return DatabaseDestination(config, context(tmp_path))

    return new


@pytest.fixture
async def target(database: NewDatabase) -> AsyncIterator[DatabaseDestination]:
    destination = database()
    await destination.open()
    yield destination
    await destination.close()


async def test_a_row_holds_the_whole_event_in_its_own_types(
    postgres_database: str, target: DatabaseDestination
) -> None:
    sent = delivery(Options(), "e 1", b'{"a": [1, 2.50], "t": "tab\\t caf\xc3\xa9"}', metadata={"repo": "a\\b\n"})
    assert await outcomes(target, [sent]) == [None]
    assert postgres_rows(postgres_database, "SELECT * FROM events") == [
        (
            "gemini",
            "e 1",
            "batch.succeeded",
            "batches/1",
            None,
            datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC),
            {"repo": "a\\b\n"},
            {"a": [1, 2.5], "t": "tab\t café"},
            "everything",
            sent.key.id,
        )
    ]
    types = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'events'"
    by_column = dict(postgres_rows(postgres_database, types))
    assert by_column["data"] == by_column["metadata"] == "jsonb"
    assert by_column["received"] == "timestamp with time zone"


async def test_numbers_keep_every_digit(postgres_database: str, target: DatabaseDestination) -> None:
    digits = b"12345678901234567890123456789.50"
    await outcomes(target, [delivery(Options(), "e", digits)])
    assert postgres_rows(postgres_database, "SELECT data::text FROM events") == [(digits.decode(),)]


async def test_a_repeat_changes_nothing(postgres_database: str, target: DatabaseDestination) -> None:
    batch = [delivery(Options(), f"e{number}") for number in range(1000)]
    assert not any(await outcomes(target, batch))
    before = postgres_rows(postgres_database, "SELECT * FROM events ORDER BY id")
    assert not any(await outcomes(target, batch[::-1]))
    assert postgres_rows(postgres_database, "SELECT * FROM events ORDER BY id") == before
    assert len(before) == 1000


async def test_of_one_event_twice_in_a_batch_the_later_wins(
    postgres_database: str, target: DatabaseDestination
) -> None:
    batch = [delivery(Options(), "e", b"1"), delivery(Options(), "x", b"0"), delivery(Options(), "e", b"2")]
    assert await outcomes(target, batch) == [None, None, None]
    assert postgres_rows(postgres_database, "SELECT id, data FROM events ORDER BY id") == [("e", 2), ("x", 0)]


async def test_bad_rows_are_named_and_their_neighbours_written(
    postgres_database: str, target: DatabaseDestination
) -> None:
    nul, nul_in_text = b'{"a": "\\u0000"}', "nul\0"
    too_long_for_the_index = secrets.token_hex(5000)
    batch = [delivery(Options(), f"good{number}") for number in range(200)]
    batch[3] = delivery(Options(), "bad-a", nul)
    batch[4] = delivery(Options(), "bad-b", b'["\\u0000"]')
    batch[99] = delivery(Options(), "bad-c", subject=nul_in_text)
    batch[199] = delivery(Options(), too_long_for_the_index)
    batch.append(delivery(Options(), "good0", nul))
    errors = await outcomes(target, batch)
    bad = [index for index, error in enumerate(errors) if error is not None]
    assert bad == [3, 4, 99, 199, 200]
    assert all(type(errors[index]) is BadRecordError for index in bad)
    rows = postgres_rows(postgres_database, "SELECT id, data FROM events")
    assert len(rows) == 196
    assert ("good0", {"amount": 1}) in rows, "the earlier good one of two with one id is written"


async def test_every_kind_of_body_arrives(postgres_database: str, target: DatabaseDestination) -> None:
    deep = b"[" * 1000 + b"]" * 1000
    bodies = [b"", b"\xff\x00", b"text \\N \\. \t \n", b'"' + b"x" * 8_000_000 + b'"', deep, b"[" * 5000, b"null"]
    assert not any(await outcomes(target, [delivery(Options(), str(n), body) for n, body in enumerate(bodies)]))
    rows = dict(postgres_rows(postgres_database, "SELECT id, data::text FROM events"))
    assert rows["0"] is None
    assert rows["1"] == '{"base64": "/wA="}'
    assert rows["2"] == '"text \\\\N \\\\. \\t \\n"'
    assert len(rows["3"]) == 8_000_002
    assert rows["6"] == "null"


async def test_a_table_in_a_schema_with_odd_names_and_columns_of_its_own(
    postgres_database: str, database: NewDatabase
) -> None:
    postgres_rows(postgres_database, 'CREATE SCHEMA "Select"')
    target = database(table="Select.Order", key="delivery")
    await target.open()
    await outcomes(target, [delivery(Options(), route="a"), delivery(Options(), route="b")])
    await target.close()
    postgres_rows(postgres_database, 'ALTER TABLE "Select"."Order" ADD COLUMN mine int DEFAULT 7')
    await target.open()
    await outcomes(target, [delivery(Options(), route="c")])
    await target.close()
    rows = postgres_rows(postgres_database, 'SELECT route, mine FROM "Select"."Order" ORDER BY route')
    assert rows == [("a", 7), ("b", 7), ("c", 7)]


async def test_a_table_that_will_not_do_is_refused_by_name(postgres_database: str, database: NewDatabase) -> None:
    postgres_rows(postgres_database, "CREATE TABLE short (source text, id text, PRIMARY KEY (source, id))")
    await refused(database(table="short"), "without the columns type, subject, time")
    await refused(database(table="nowhere.events"), "3F000")
    made = database(table="made", key="delivery")
    await made.open()
    await made.close()
    await refused(database(table="made", key="event"), r"key over \(source, id\)")


async def refused(target: DatabaseDestination, message: str) -> None:
    with pytest.raises(DestinationDownError, match=message):
        await target.open()
    await target.close()


async def test_four_workers_that_start_at_once_make_one_table(postgres_database: str, database: NewDatabase) -> None:
    workers = [database() for _ in range(4)]
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(worker.open())
    batches = [[delivery(Options(), f"e{n}") for n in range(start, start + 300)] for start in (0, 100, 50, 200)]
    for errors in await asyncio.gather(*map(outcomes, workers, batches)):
        assert not any(errors)
    for worker in workers:
        await worker.close()
    assert postgres_rows(postgres_database, "SELECT count(*) FROM events") == [(500,)]


async def test_a_dropped_table_is_down_not_dead_letters(postgres_database: str, target: DatabaseDestination) -> None:
    postgres_rows(postgres_database, "DROP TABLE events")
    with pytest.raises(DestinationDownError, match="42P01"):
        await target.deliver(Batch([delivery(Options())]))


async def test_a_lock_of_somebody_else_is_waited_for_then_retried(
    postgres_database: str, database: NewDatabase
) -> None:
    target = database(statement_timeout="400ms")
    await target.open()
    with psycopg.connect(postgres_database) as other:
        other.execute("LOCK TABLE events IN EXCLUSIVE MODE")
        with pytest.raises(RetryableError, match="55P03"):
            await target.deliver(Batch([delivery(Options())]))
    assert await outcomes(target, [delivery(Options())]) == [None]
    await target.close()


async def test_a_statement_that_takes_too_long_is_retried(postgres_database: str, database: NewDatabase) -> None:
    target = database(statement_timeout="200ms")
    await target.open()
    trigger(postgres_database, "PERFORM pg_sleep(5); RETURN NEW;")
    with pytest.raises(RetryableError, match="57014"):
        await target.deliver(Batch([delivery(Options())]))
    await target.close()


async def test_a_check_of_the_table_makes_a_bad_record(postgres_database: str, target: DatabaseDestination) -> None:
    postgres_rows(postgres_database, "ALTER TABLE events ADD CHECK (id <> 'bad')")
    errors = await outcomes(target, [delivery(Options(), "a"), delivery(Options(), "bad"), delivery(Options(), "c")])
    assert [type(error).__name__ for error in errors] == ["NoneType", "BadRecordError", "NoneType"]
    assert "batches/1" not in str(errors[1]), "PostgreSQL's DETAIL would quote the row"


async def test_a_read_only_standby_is_down(postgres_database: str, target: DatabaseDestination) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        name = postgres_database.rpartition("/")[2]
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    await target.close()
    await refused(target, "25006")


async def test_a_deadlock_is_retried(postgres_database: str, database: NewDatabase) -> None:
    target = database(statement_timeout="20s")
    await target.open()
    await outcomes(target, [delivery(Options(), "a"), delivery(Options(), "b")])
    with psycopg.connect(postgres_database) as other:
        other.execute("SET deadlock_timeout = '10s'")  # so that the hub's transaction is the one that finds it
        other.execute("UPDATE events SET type = 'x' WHERE id = 'b'")
        waiting = asyncio.create_task(target.deliver(Batch([delivery(Options(), "a"), delivery(Options(), "b")])))
        await asyncio.to_thread(until_waiting_for_a_lock, postgres_database)
        crossing = threading.Thread(target=other.execute, args=("UPDATE events SET type = 'x' WHERE id = 'a'",))
        crossing.start()
        with pytest.raises(RetryableError, match="40P01"):
            await waiting
        await asyncio.to_thread(crossing.join)
        other.rollback()
    assert await outcomes(target, [delivery(Options(), "a"), delivery(Options(), "b")]) == [None, None]
    await target.close()


def trigger(url: str, body: str) -> None:
    postgres_rows(url, f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")
    postgres_rows(url, "CREATE TRIGGER t BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION f()")


def until_waiting_for_a_lock(url: str) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    for _ in range(1000):
        if postgres_rows(url, waiting) != [(0,)]:
            return
    raise AssertionError("nobody waits for a lock")


async def test_a_line_that_postgresql_cannot_hold_is_named_and_its_neighbours_are_written(
    postgres_database: str, database: NewDatabase
) -> None:
    lines = b'{"key": "a", "response": {"n": 1}}\n{"key": "b", "response": "\\u0000"}\n{"key": "c", "error": [2]}\n'
    target = database(table="results", rows="result")
    await target.open()
    sent = replace(delivery(Options(), "e1"), result=result("application/jsonl", lines))
    for _ in range(2):
        [error] = await outcomes(target, [sent])
        assert isinstance(error, BadRecordError)
        assert "1 of 3 rows are refused, the others written; line 2" in str(error)
    await target.close()
    found = postgres_rows(postgres_database, "SELECT line, key, response, error FROM results ORDER BY line")
    assert found == [(1, "a", {"n": 1}, None), (3, "c", None, [2])]
