"""News are written beside the work: a log that refuses them costs the news, never the work."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from hub.log.news import News
from hub.log.record import Record
from hub.log.records import decode_event, partition_for
from hub.log.topics import Topics
from hub.log.writer import RecordTooLargeError, WriteFailedError
from schemas.event import Event
from schemas.identity import DeliveryId
from schemas.news import HUB_SOURCE, NewsType

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
DEAD = NewsType.DELIVERY_DEAD
FAILED = WriteFailedError("Kafka is away")


class Log:
    """Stands for the writer: what was written, and the errors it answers the next writes with."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.partitions: list[tuple[str, int]] = []
        self.errors: list[Exception] = []
        self.answers = asyncio.Event()
        self.answers.set()

    async def append_all(self, topic: str, partition: int, records: Sequence[Record]) -> list[int]:
        await self.answers.wait()
        if self.errors:
            raise self.errors.pop(0)
        self.events += [decode_event(record.headers, record.value) for record in records]
        self.partitions.append((topic, partition))
        return [len(self.events)]

    def bodies(self) -> list[dict[str, Any]]:
        return [orjson.loads(event.body) for event in self.events]


@asynccontextmanager
async def telling(log: Log, every: float = 60.0, pauses: Sequence[float] = (0.0, 0.0)) -> AsyncIterator[News]:
    news = News(log, Topics(), 8, lambda: NOW, every=every, pauses=pauses)
    news.start()
    yield news
    await news.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  (the task tells nobody)
            await asyncio.sleep(0.01)


async def test_news_are_an_event_of_source_hub_about_its_destination() -> None:
    log = Log()
    async with telling(log) as news:
        news.tell(DEAD, "out", source="shop", route="all", delivery=DeliveryId("shop/1~a:all:out"), error="E: no")
        await until(lambda: log.events)
    (event,) = log.events
    assert (event.source, event.type, event.subject, event.time) == (HUB_SOURCE, "delivery.dead", "out", NOW)
    assert event.metadata == {"destination": "out", "count": 1, "severity": "error"}
    assert event.verified == {"scheme": "hub"}
    assert log.partitions == [("hub.events", partition_for("out", 8))]
    example = {"at": "2026-02-03T04:05:06Z", "route": "all", "delivery": "shop/1~a:all:out", "event": None}
    assert orjson.loads(event.body) == {
        "format": 1,
        "type": "delivery.dead",
        "severity": "error",
        "destination": "out",
        "count": 1,
        "message": "A delivery to out was given up: E: no. See `hub dead list`.",
        "first": {**example, "error": "E: no"},
        "last": {**example, "error": "E: no"},
    }


async def test_news_about_no_destination_have_neither_subject_nor_destination() -> None:
    log = Log()
    async with telling(log) as news:
        news.tell(NewsType.LEDGER_MISSING, None, source=None, event="shop/1", count=7)
    (event,) = log.events
    assert event.subject is None
    assert event.metadata == {"count": 7, "severity": "error"}


async def test_what_is_counted_is_written_when_its_time_has_come() -> None:
    log = Log()
    async with telling(log, every=0.2) as news:
        for _ in range(50):
            news.tell(DEAD, "out", source="shop")
        await until(lambda: sum(body["count"] for body in log.bodies()) == 50)
    assert log.bodies()[0]["count"] == 1
    assert len({event.id for event in log.events}) == len(log.events)


async def test_what_is_counted_is_written_on_close() -> None:
    log = Log()
    async with telling(log) as news:
        for _ in range(50):
            news.tell(DEAD, "out", source="shop")
    assert [body["count"] for body in log.bodies()] == [1, 49]


async def test_a_destination_that_fails_at_the_hubs_news_does_not_feed_itself() -> None:
    """Every event goes to ``alerts``, which takes none: each is dead, and for it the hub is told so."""
    log = Log()
    async with telling(log, every=0.0) as news:
        news.tell(DEAD, "alerts", source="shop")
        for delivered in range(20):
            await asyncio.sleep(0)
            for event in log.events[delivered:]:
                for kind in (DEAD, NewsType.DESTINATION_DOWN):
                    news.tell(kind, "alerts", source=event.source)
    assert len(log.events) == 1


async def test_a_failed_write_is_repeated_as_the_same_event() -> None:
    log = Log()
    log.errors = [FAILED, FAILED]
    async with telling(log) as news:
        news.tell(DEAD, "out", source="shop")
        await until(lambda: log.events)
    assert len(log.events) == 1


@pytest.mark.parametrize("errors", [[FAILED] * 3, [RecordTooLargeError("1 MB")]])
async def test_news_that_cannot_be_written_are_logged_and_the_next_is_written(
    errors: list[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    log = Log()
    log.errors = list(errors)
    async with telling(log) as news:
        news.tell(DEAD, "out", source="shop", error="the reason")
        news.tell(DEAD, "other", source="shop")
    assert [event.subject for event in log.events] == ["other"]
    (line,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert line.getMessage() == "news not written"
    assert "the reason" in line.__dict__["news"]


async def test_telling_waits_for_nobody_and_closing_has_a_deadline(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    log.answers.clear()
    news = News(log, Topics(), 8, lambda: NOW)
    news.start()
    for number in range(2000):
        news.tell(DEAD, f"out-{number}", source="shop")
        await asyncio.sleep(0)
        news.tell(DEAD, f"out-{number}", source="shop", count=10)
    await news.close(seconds=0.05)
    assert not log.events
    assert sum(one.getMessage() == "news not kept" for one in caplog.records) == 2000
    reasons = [one.__dict__["error"] for one in caplog.records if one.getMessage() == "news not written"]
    assert sorted(reasons) == ["1000 others wait to be written"] * 1000 + ["the hub stops"] * 1000


async def test_closing_it_unstarted_or_idle_is_fine() -> None:
    news = News(Log(), Topics(), 8, lambda: NOW)
    await news.close()
    news.start()
    await asyncio.sleep(0)
    await news.close()


async def test_whatever_a_connector_raises_can_be_told() -> None:
    log = Log()
    async with telling(log) as news:
        news.tell(DEAD, "out", source="shop", error="\ud800" + "x" * 5000, event="\ud800")
        await until(lambda: log.events)
    assert len(log.bodies()[0]["last"]["error"]) == 1000
