"""Enriching: one fetch for all deliveries of an event, and what a source's failures come to."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, SecretStr

from connectors.api import (
    BadRecordError,
    Enricher,
    Enrichment,
    Event,
    EventAttributes,
    FetchLimits,
    Options,
    OutgoingHttp,
    Request,
    Result,
    RetryableError,
    Source,
    SourceConfig,
    ThrottledError,
    Verified,
)
from connectors.testing import delivery
from hub.config.enrichments import EnrichmentsConfig
from hub.config.file_secrets import FileSecrets
from hub.config.model import Configuration, LogConfig, Route, SourceEntry, Where
from hub.processors.calls import ConnectorFaultError
from hub.processors.enriching import Enriching, Wanted
from tests.fixtures.ingress import until

NOWHERE = Where("test", 1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class ShelfConfig(SourceConfig):
    key: SecretStr = Field(SecretStr(""), description="Key.")


class Shelf(Source[ShelfConfig], Enricher):
    """Gives what the test says."""

    name = "shelf"
    config_model = ShelfConfig
    enrichment = "book"
    fetched: list[str]
    answer: Any
    at_once = 0
    most_at_once = 0

    async def fetch(self, event: Event, limits: FetchLimits) -> Enrichment | None:
        kind = type(self)
        kind.fetched.append(self.config.key.get_secret_value() or event.id)
        kind.at_once += 1
        kind.most_at_once = max(kind.most_at_once, kind.at_once)
        await asyncio.sleep(0)
        kind.at_once -= 1
        if isinstance(kind.answer, Exception):
            raise kind.answer
        answer: Enrichment | None = await kind.answer(event) if callable(kind.answer) else kind.answer
        return answer

    async def verify(self, request: Request, now: datetime) -> Verified:
        raise AssertionError("never called")

    def describe(self, request: Request) -> Sequence[EventAttributes]:
        raise AssertionError("never called")


@pytest.fixture(autouse=True)
def empty_shelf() -> None:
    Shelf.fetched = []
    Shelf.answer = Enrichment("application/json", b'{"a": 1}')
    Shelf.at_once = Shelf.most_at_once = 0


SHELF = SourceEntry("shelf", Shelf, ShelfConfig(), NOWHERE)


def enriching(home: Path, **settings: Any) -> Enriching:
    route = Route("r", None, (), NOWHERE, enrich="book")
    configuration = Configuration(
        "hub",
        LogConfig(),
        {},
        {},
        (route,),
        (),
        "0" * 12,
        enrichments=EnrichmentsConfig.model_validate(settings),
    )
    return Enriching(configuration, home, OutgoingHttp(), lambda: NOW)


def wanted(
    event_id: str = "e1", route: str = "r", source: SourceEntry | None = SHELF, enrichment: str = "book"
) -> Wanted:
    one = delivery(Options(), event_id, route=route, source="shelf")
    return Wanted(one.key, one.event, enrichment, source)


async def result_of(target: Enriching, one: Wanted) -> Result | BaseException | None:
    return (await target.results([one]))[one.key]


async def test_all_deliveries_of_an_event_cause_one_fetch_and_read_the_same(tmp_path: Path) -> None:
    target = enriching(tmp_path)
    several = [wanted(route=f"r{number}") for number in range(20)]
    together = await asyncio.gather(target.results(several), target.results(several))
    after = await target.results([wanted(route="after")])
    found: list[Any] = [result for each in (*together, after) for result in each.values()]
    assert len(found) == 41
    assert {result.body for result in found} == {b'{"a": 1}'}
    assert Shelf.fetched == ["e1"]
    assert isinstance(await result_of(enriching(tmp_path), wanted(route="after a restart")), Result)
    assert Shelf.fetched == ["e1"]


async def test_few_are_fetched_at_once(tmp_path: Path) -> None:
    found = await enriching(tmp_path).results([wanted(f"e{number}") for number in range(30)])
    assert all(isinstance(each, Result) for each in found.values())
    assert 1 < Shelf.most_at_once <= 4


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (BadRecordError("gone"), BadRecordError),
        (RetryableError("later", timedelta(seconds=3)), RetryableError),
        (ThrottledError("less", timedelta(seconds=3)), ThrottledError),
        (ThrottledError("less", "soon"), ConnectorFaultError),  # type: ignore[arg-type]  # what a plugin may do
        (ZeroDivisionError(), ZeroDivisionError),
        (b"no enrichment", ConnectorFaultError),
        (Enrichment("text/plain", b"x" * 51), BadRecordError),
    ],
)
async def test_a_failed_fetch_is_the_end_of_that_attempt_and_is_tried_again_with_the_next(
    tmp_path: Path, answer: object, kind: type[Exception]
) -> None:
    target = enriching(tmp_path, max_result=50)
    Shelf.answer = answer
    found = await result_of(target, wanted())
    assert type(found) is kind
    Shelf.answer = Enrichment("application/json", b"{}")
    assert isinstance(await result_of(target, wanted()), Result)


async def test_an_event_that_points_at_nothing_has_no_result(tmp_path: Path) -> None:
    Shelf.answer = None
    assert await result_of(enriching(tmp_path), wanted()) is None


async def test_a_source_that_never_answers_is_given_up_for_this_time(tmp_path: Path) -> None:
    async def forever(_: Event) -> None:
        await asyncio.Event().wait()

    Shelf.answer = forever
    found = await result_of(enriching(tmp_path, timeout="100ms"), wanted())
    assert isinstance(found, RetryableError)
    assert "no answer within" in str(found)


@pytest.mark.parametrize("one", [wanted(source=None), wanted(enrichment="film")])
async def test_an_event_of_a_source_that_cannot_is_a_bad_record(tmp_path: Path, one: Wanted) -> None:
    found = await result_of(enriching(tmp_path), one)
    assert isinstance(found, BadRecordError)
    assert Shelf.fetched == []


async def test_a_key_in_a_file_is_read_for_each_fetch_and_kept_while_the_file_is_unusable(tmp_path: Path) -> None:
    file = tmp_path / "key"
    secrets = FileSecrets({file: "first"}, lambda contents: ShelfConfig(key=SecretStr(contents[file])))
    source = replace(SHELF, file_secrets=secrets)
    target = enriching(tmp_path)
    for text in ("first", "second"):
        file.write_text(text)
        await result_of(target, wanted(text, source=source))
    file.unlink()
    await result_of(target, wanted("last", source=source))
    assert Shelf.fetched == ["first", "second", "last"]


async def test_what_is_old_is_deleted_and_a_hub_that_enriches_nothing_makes_no_folder(tmp_path: Path) -> None:
    target = enriching(tmp_path)
    await result_of(target, wanted())
    target._clock = lambda: datetime.now(UTC) + timedelta(days=31)
    pruning = asyncio.create_task(target.prune())
    await until(lambda: not list((tmp_path / "enrichments").rglob("kept.json")))
    pruning.cancel()
    idle = Enriching(
        Configuration("hub", LogConfig(), {}, {}, (), (), "0" * 12), tmp_path / "idle", OutgoingHttp(), lambda: NOW
    )
    await idle._prune()
    assert not (tmp_path / "idle").exists()
