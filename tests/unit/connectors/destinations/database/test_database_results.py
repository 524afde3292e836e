"""Results as rows, in SQLite; what PostgreSQL does differently is in tests/e2e/test_database_postgresql.py."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.api import BadRecordError, Batch, Delivery, DestinationDownError, Options, RetryableError
from connectors.destinations.database import DatabaseConfig, DatabaseDestination
from connectors.testing import context, delivery
from tests.fixtures.results import result
from tests.fixtures.rows import outcomes, sqlite_rows

LINES = b"""{"key": "a", "response": {"n": 1.50, "big": 123456789012345678901}}

{"error": {"code": 3}, "key": 7}\r
not JSON
{"key": "b", "response": null}
{"other": true}"""


def enriched(event_id: str, content_type: str, body: bytes, **more: Any) -> Delivery:
    return replace(delivery(Options(), event_id, **more), result=result(content_type, body))


def database(home: Path, **options: Any) -> DatabaseDestination:
    config = {"url": "sqlite:///results.db", "table": "results", "rows": "result", **options}
    return DatabaseDestination(DatabaseConfig.model_validate(config), context(home))


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[DatabaseDestination]:
    destination = database(tmp_path)
    await destination.open()
    yield destination
    await destination.close()


def rows(home: Path, columns: str = "line, key, response, error") -> list[tuple[Any, ...]]:
    return sqlite_rows(home / "results.db", f"SELECT {columns} FROM results ORDER BY id, route, line")


async def test_each_line_is_a_row(tmp_path: Path, target: DatabaseDestination) -> None:
    sent = enriched("e1", "application/jsonl", LINES, metadata={"team": "search"})
    assert await outcomes(target, [sent]) == [None]
    assert rows(tmp_path) == [
        (1, "a", '{"n": 1.5, "big": 123456789012345678901}', None),
        (3, "7", None, '{"code": 3}'),
        (4, None, '"not JSON"', None),
        (5, "b", "null", None),
        (6, None, '{"other": true}', None),
    ]
    assert set(rows(tmp_path, "source, id, type, subject, time, received, metadata, route, delivery")) == {
        (
            "gemini",
            "e1",
            "batch.succeeded",
            "batches/1",
            None,
            "2026-11-23T12:00:00.123456Z",
            '{"team":"search"}',
            "everything",
            sent.key.id,
        )
    }


async def test_inline_responses_are_rows_and_an_interaction_is_one(tmp_path: Path, target: DatabaseDestination) -> None:
    inline = b'[{"metadata": {"key": "a"}, "response": {}}, {"error": {}}, 7]'
    interaction = b'{"id": "v1_1", "response": "no answer of a batch"}'
    sent = [
        enriched("e1", "application/json", inline),
        enriched("e2", "application/json", interaction),
        enriched("e3", "video/mp4", b"\xff"),
        enriched("e4", "application/json", b"[]"),
        enriched("e5", "application/jsonl", b"\n"),
    ]
    assert await outcomes(target, sent) == [None] * 5
    assert rows(tmp_path, "id, line, key, response, error") == [
        ("e1", 1, "a", "{}", None),
        ("e1", 2, None, None, "{}"),
        ("e1", 3, None, "7", None),
        ("e2", 1, None, interaction.decode(), None),
        ("e3", 1, None, '{"base64":"/w=="}', None),
    ]


async def test_a_repeat_and_another_route_change_nothing(tmp_path: Path, target: DatabaseDestination) -> None:
    sent = [enriched("e1", "application/jsonl", LINES), enriched("e1", "application/jsonl", LINES, route="other")]
    for batch in (sent[:1], sent[:1], sent):
        assert not any(await outcomes(target, batch))
        assert len(rows(tmp_path)) == 5


async def test_with_key_delivery_each_route_has_its_rows(tmp_path: Path) -> None:
    target = database(tmp_path, key="delivery")
    await target.open()
    sent = [enriched("e1", "application/jsonl", LINES, route=route) for route in ("a", "b", "a")]
    for one in sent:
        assert await outcomes(target, [one]) == [None]
    await target.close()
    assert len(rows(tmp_path)) == 10


async def test_a_large_result_is_read_where_it_is_kept(tmp_path: Path, target: DatabaseDestination) -> None:
    kept = result("application/jsonl", LINES)

    async def load() -> bytes:
        return LINES

    sent = replace(delivery(Options(), "e1"), result=replace(kept, body=None, load=load))
    assert await outcomes(target, [sent]) == [None]
    assert len(rows(tmp_path)) == 5


@pytest.mark.parametrize("error", [RetryableError("damaged"), BadRecordError("bad")])
async def test_one_that_cannot_be_read_does_not_hold_up_its_neighbours(
    tmp_path: Path, target: DatabaseDestination, error: Exception
) -> None:
    async def load() -> bytes:
        raise error

    bad = replace(delivery(Options(), "e1"), result=replace(result("application/jsonl", b""), body=None, load=load))
    good = enriched("e2", "application/jsonl", LINES)
    assert await outcomes(target, [bad, good]) == [error, None]
    assert len(rows(tmp_path)) == 5


async def test_an_event_without_a_result_is_a_bad_record(target: DatabaseDestination) -> None:
    [error] = await outcomes(target, [delivery(Options(), "e1", type="batch.failed")])
    assert isinstance(error, BadRecordError)
    assert "batch.failed has no result" in str(error)


async def test_the_table_of_events_is_no_table_of_results(tmp_path: Path) -> None:
    events = database(tmp_path, rows="event")
    await events.open()
    await events.close()
    with pytest.raises(DestinationDownError, match="without the columns line, key, response, error"):
        await database(tmp_path).open()


async def test_while_the_database_is_away_all_of_the_batch_waits(tmp_path: Path) -> None:
    with pytest.raises(DestinationDownError):
        await database(tmp_path).deliver(Batch([enriched("e1", "application/jsonl", LINES)]))
