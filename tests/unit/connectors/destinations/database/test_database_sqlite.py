"""Rows in SQLite, and what a file can do to them."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.api import Batch, DestinationDownError, Options, RetryableError
from connectors.destinations.database import DatabaseConfig, DatabaseDestination
from connectors.testing import context, delivery
from tests.fixtures.rows import outcomes, sqlite_rows


def database(home: Path, url: str = "sqlite:///events.db", **options: Any) -> DatabaseDestination:
    return DatabaseDestination(DatabaseConfig.model_validate({"url": url, **options}), context(home))


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[DatabaseDestination]:
    destination = database(tmp_path)
    await destination.open()
    yield destination
    await destination.close()


async def test_a_row_holds_the_whole_event(tmp_path: Path, target: DatabaseDestination) -> None:
    sent = delivery(Options(), "e 1", b'{"a": [1, 2.50]}', metadata={"repo": "a/b"})
    assert await outcomes(target, [sent]) == [None]
    assert sqlite_rows(tmp_path / "events.db", "SELECT * FROM events") == [
        (
            "gemini",
            "e 1",
            "batch.succeeded",
            "batches/1",
            None,
            "2026-11-23T12:00:00.123456Z",
            '{"repo":"a/b"}',
            '{"a": [1, 2.50]}',
            "everything",
            sent.key.id,
        )
    ]


async def test_a_repeat_changes_nothing(tmp_path: Path, target: DatabaseDestination) -> None:
    batch = [delivery(Options(), f"e{number}") for number in range(100)]
    assert not any(await outcomes(target, batch))
    before = sqlite_rows(tmp_path / "events.db", "SELECT * FROM events ORDER BY id")
    assert not any(await outcomes(target, batch[::-1]))
    assert sqlite_rows(tmp_path / "events.db", "SELECT * FROM events ORDER BY id") == before
    assert len(before) == 100


async def test_of_one_event_twice_in_a_batch_the_later_wins(tmp_path: Path, target: DatabaseDestination) -> None:
    batch = [delivery(Options(), "e", b"1"), delivery(Options(), "x", b"0"), delivery(Options(), "e", b"2")]
    assert await outcomes(target, batch) == [None, None, None]
    assert sqlite_rows(tmp_path / "events.db", "SELECT id, data FROM events ORDER BY id") == [("e", "2"), ("x", "0")]


async def test_keyed_by_delivery_two_routes_make_two_rows(tmp_path: Path) -> None:
    target = database(tmp_path, key="delivery", table="per_route")
    await target.open()
    batch = [delivery(Options(), "e", route="a"), delivery(Options(), "e", route="b")]
    assert await outcomes(target, batch) == [None, None]
    assert await outcomes(target, batch[:1]) == [None]
    await target.close()
    assert sqlite_rows(tmp_path / "events.db", "SELECT route FROM per_route ORDER BY route") == [("a",), ("b",)]


async def test_the_file_survives_a_reopening(tmp_path: Path, target: DatabaseDestination) -> None:
    await outcomes(target, [delivery(Options(), "before")])
    await target.close()
    await target.open()
    await target.open()
    await outcomes(target, [delivery(Options(), "after")])
    assert sqlite_rows(tmp_path / "events.db", "SELECT count(*) FROM events") == [(2,)]


async def test_a_table_that_lacks_columns_is_refused_by_name(tmp_path: Path) -> None:
    sqlite_rows(
        tmp_path / "events.db", "CREATE TABLE events (source, id, type, subject, time, PRIMARY KEY(source, id))"
    )
    target = database(tmp_path)
    with pytest.raises(DestinationDownError, match="without the columns received, metadata, data, route, delivery"):
        await target.open()
    await target.close()


async def test_a_table_without_the_key_is_refused(tmp_path: Path) -> None:
    columns = "source, id, type, subject, time, received, metadata, data, route, delivery, mine"
    sqlite_rows(tmp_path / "events.db", f"CREATE TABLE events ({columns}, UNIQUE (delivery))")
    refused = database(tmp_path)
    with pytest.raises(DestinationDownError, match=r"key over \(source, id\)"):
        await refused.open()
    await refused.close()
    target = database(tmp_path, key="delivery")
    await target.open()
    assert await outcomes(target, [delivery(Options())]) == [None], "columns of somebody else stay null"
    await target.close()


async def test_a_lock_of_somebody_else_is_waited_for_then_retried(tmp_path: Path) -> None:
    target = database(tmp_path, statement_timeout="200ms")
    await target.open()
    other = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetryableError, match="SQLITE_BUSY"):
        await target.deliver(Batch([delivery(Options())]))
    other.execute("ROLLBACK")
    other.close()
    assert await outcomes(target, [delivery(Options())]) == [None]
    await target.close()


async def test_a_full_disk_is_tried_again(tmp_path: Path, target: DatabaseDestination) -> None:
    await outcomes(target, [delivery(Options(), "small")])
    store: Any = target._store
    with store._engine.begin() as connection:  # SQLite's own way to run into a full disk
        connection.exec_driver_sql("PRAGMA max_page_count = 8")
    with pytest.raises(RetryableError, match="SQLITE_FULL"):
        await target.deliver(Batch([delivery(Options(), "large", b'"' + b"x" * 200_000 + b'"')]))
    with store._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert await outcomes(target, [delivery(Options(), "large", b'"' + b"x" * 200_000 + b'"')]) == [None]


async def test_a_file_that_is_no_database_is_down(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_bytes(b"not a database at all" * 500)
    target = database(tmp_path)
    with pytest.raises(DestinationDownError, match="SQLITE_NOTADB"):
        await target.open()
    await target.close()


async def test_a_folder_that_cannot_be_made_is_down(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DestinationDownError):
        await database(tmp_path, "sqlite:///file/events.db").open()


async def test_a_row_that_the_table_refuses_does_not_stop_its_neighbours(
    tmp_path: Path, target: DatabaseDestination
) -> None:
    sqlite_rows(
        tmp_path / "events.db",
        "CREATE TRIGGER picky BEFORE INSERT ON events WHEN NEW.id LIKE 'bad%' BEGIN SELECT RAISE(ABORT, 'picky'); END",
    )
    names = [f"bad{number}" if number in {0, 17, 18, 99} else f"good{number}" for number in range(100)]
    errors = await outcomes(target, [delivery(Options(), name) for name in names])
    assert [name for name, error in zip(names, errors, strict=True) if error] == ["bad0", "bad17", "bad18", "bad99"]
    assert {type(error).__name__ for error in errors if error} == {"BadRecordError"}
    assert sqlite_rows(tmp_path / "events.db", "SELECT count(*) FROM events") == [(96,)]


async def test_a_text_that_cannot_be_encoded_is_a_bad_record(tmp_path: Path, target: DatabaseDestination) -> None:
    batch = [delivery(Options(), "ok"), delivery(Options(), "half", subject="\ud800"), delivery(Options(), "fine")]
    errors = await outcomes(target, batch)
    assert [type(error).__name__ for error in errors] == ["NoneType", "BadRecordError", "NoneType"]


async def test_cancelled_in_the_middle_it_stays_usable(tmp_path: Path) -> None:
    target = database(tmp_path, statement_timeout="2s")
    await target.open()
    other = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(target.deliver(Batch([delivery(Options(), "cancelled")])))
    await asyncio.sleep(0)  # the call is with the thread now
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    other.execute("ROLLBACK")
    other.close()
    assert await outcomes(target, [delivery(Options(), "next")]) == [None]
    await target.close()


async def test_close_does_not_wait_for_a_statement_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.destinations.database.destination._CLOSE_TIMEOUT_S", 0.05)
    target = database(tmp_path, statement_timeout="1s")
    await target.open()
    other = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(target.deliver(Batch([delivery(Options())])))
    await asyncio.sleep(0)
    async with asyncio.timeout(0.4):
        await target.close()
    with pytest.raises(RetryableError):
        await waiting
    other.close()


async def test_the_loop_runs_on_while_the_database_blocks(tmp_path: Path) -> None:
    target = database(tmp_path, statement_timeout="400ms")
    await target.open()
    other = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(target.deliver(Batch([delivery(Options())])))
    turns = 0
    while not waiting.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert turns > 20
    assert isinstance(waiting.exception(), RetryableError)
    other.close()
    await target.close()


async def test_deliver_before_open_is_down(tmp_path: Path) -> None:
    with pytest.raises(DestinationDownError):
        await database(tmp_path).deliver(Batch([delivery(Options())]))


def test_a_relative_file_is_below_the_data_folder(tmp_path: Path) -> None:
    def file(url: str) -> str | None:
        return DatabaseConfig.model_validate({"url": url}).sqlalchemy_url(tmp_path).database

    assert file("sqlite:///events.db") == str(tmp_path / "events.db")
    assert file("sqlite:////var/lib/events.db") == "/var/lib/events.db"


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql+psycopg"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg"),
        ("sqlite:///x", "sqlite+pysqlite"),
    ],
)
def test_the_driver_is_chosen_by_the_hub(tmp_path: Path, url: str, driver: str) -> None:
    assert DatabaseConfig.model_validate({"url": url}).sqlalchemy_url(tmp_path).drivername == driver


@pytest.mark.parametrize(
    "options",
    [
        {"url": "mysql://u:p4ssw0rd@h/d"},
        {"url": "postgresql+asyncpg://u:p4ssw0rd@h/d"},
        {"url": "p4ssw0rd"},
        {"url": "postgresql://u:p4ssw0rd@h:port/d"},
        {"url": "sqlite://"},
        {"url": "sqlite:///:memory:"},
        {"url": "sqlite:///x", "table": "events; drop table p4ssw0rd"},
        {"url": "sqlite:///x", "table": "a.b.c"},
        {"url": "sqlite:///x", "table": "main.events"},
        {"url": "sqlite:///x", "key": "both"},
        {"url": "sqlite:///x", "statement_timeout": "0s"},
        {"url": "sqlite:///x", "unknown": 1},
    ],
)
def test_a_configuration_that_cannot_work_is_refused_without_showing_it(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        DatabaseConfig.model_validate(options)
    assert "p4ssw0rd" not in str(caught.value)


def test_the_default_timeout_ends_before_the_hubs() -> None:
    assert DatabaseConfig.model_validate({"url": "sqlite:///x"}).statement_timeout < timedelta(seconds=30)
