"""What ``enrich: gemini-result`` fetches for each event, and what the API's refusals do to the delivery."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.api import (
    BadRecordError,
    DestinationDownError,
    Enrichment,
    Event,
    FetchLimits,
    Options,
    RetryableError,
    ThrottledError,
)
from connectors.sources.gemini import GeminiConfig, GeminiDynamicConfig, GeminiDynamicSource, GeminiSource
from connectors.testing import context, delivery
from tests.fixtures.endpoint import Endpoint, answers, begins, hang, says

LIMITS = FetchLimits(1_000, timedelta(seconds=10))
LINES = b'{"key":"a","response":{}}\n{"key":"b","error":{}}\n'


def event(kind: str, **data: Any) -> Event:
    return delivery(Options(), body=orjson.dumps({"type": kind, "data": data}), type=kind).event


def root(api: Endpoint) -> str:
    return f"http://127.0.0.1:{api.port}"


async def fetch(api: Endpoint, asked: Event, limits: FetchLimits = LIMITS) -> Enrichment | None:
    config = GeminiConfig.model_validate({"api_key": "the-key", "base_url": root(api)})
    return await GeminiSource(config, context(Path())).fetch(asked, limits)


def batch(job: str = "batches/123", uri: str | None = "files/batch-abc") -> Event:
    return event("batch.succeeded", id=job, **({} if uri is None else {"output_file_uri": uri}))


@pytest.mark.parametrize(
    ("asked", "target", "kind"),
    [
        (batch(), "/v1/files/batch-abc:download?alt=media", "application/jsonl"),
        (batch(uri="https://evil.example/files/f1"), "/v1/files/f1:download?alt=media", "application/jsonl"),
        (event("interaction.completed", id="v1_abc-_1"), "/v1/interactions/v1_abc-_1?stream=false", "application/json"),
        (event("interaction.failed", id="interactions/5"), "/v1/interactions/5?stream=false", "application/json"),
        (event("video.generated", id="op", file_name="files/v1"), "/v1/files/v1", "application/json"),
        (
            event("video.generated", id="op", output_file_uri="https://x/v1beta/files/v2:download?alt=media"),
            "/v1/files/v2",
            "application/json",
        ),
    ],
)
async def test_an_event_is_followed_to_what_it_points_at(asked: Event, target: str, kind: str) -> None:
    async with Endpoint() as api:
        api.scripts.append(answers(200, body=LINES))
        assert await fetch(api, asked) == Enrichment(kind, LINES)
    assert [(each.method, each.target, each.header("x-goog-api-key")) for each in api.received] == [
        ("GET", target, "the-key")
    ]


@pytest.mark.parametrize("uri", [None, "gs://my-bucket/results.jsonl"])
async def test_a_batch_that_names_no_file_is_asked_for_its_output(uri: str | None) -> None:
    operation = {"metadata": {"output": {"responsesFile": "files/batch-abc"}}}
    async with Endpoint() as api:
        api.scripts += [answers(200, body=orjson.dumps(operation)), answers(200, body=LINES)]
        assert await fetch(api, batch(uri=uri)) == Enrichment("application/jsonl", LINES)
    assert [each.target for each in api.received] == ["/v1/batches/123", "/v1/files/batch-abc:download?alt=media"]


async def test_inline_responses_are_a_list() -> None:
    inline = {"metadata": {"output": {"inlinedResponses": {"inlinedResponses": [{"response": {"n": 1}}]}}}}
    async with Endpoint() as api:
        api.scripts.append(answers(200, body=orjson.dumps(inline)))
        assert await fetch(api, batch("123", None)) == Enrichment("application/json", b'[{"response":{"n":1}}]')


async def test_a_dynamic_source_fetches_alike() -> None:
    async with Endpoint() as api:
        api.scripts.append(answers(200, body=LINES))
        config = GeminiDynamicConfig.model_validate({"api_key": "k", "base_url": root(api)})
        found = await GeminiDynamicSource(config, context(Path())).fetch(batch(), LIMITS)
    assert found == Enrichment("application/jsonl", LINES)


@pytest.mark.parametrize("kind", ["batch.failed", "batch.expired", "batch.cancelled", "something.new", ""])
async def test_events_that_point_at_nothing_ask_for_nothing(kind: str) -> None:
    async with Endpoint() as api:
        assert await fetch(api, event(kind, id="batches/1")) is None
    assert api.received == []


@pytest.mark.parametrize(
    "asked",
    [
        batch("batches/1", "https://evil.example/steal"),
        batch("batches/1", "//evil.example/files"),
        batch("batches/1", "http://169.254.169.254/latest/meta-data"),
        batch("batches/1", "files/../models"),
    ],
)
async def test_an_event_never_chooses_where_a_request_goes(asked: Event) -> None:
    async with Endpoint() as api:
        api.scripts.append(answers(404))
        with pytest.raises(BadRecordError):
            await fetch(api, asked)
    assert [each.target for each in api.received] == ["/v1/batches/1"]


@pytest.mark.parametrize(
    "asked",
    [
        batch("1?key=x", None),
        batch("batches/..", None),
        batch("a%2Fb", None),
        batch("1\r\nhost: evil", None),
        batch("", None),
        event("batch.succeeded", id={"a": 1}),
        event("video.generated", id="1", output_file_uri="gs://bucket/video.mp4"),
        delivery(Options(), body=b"[]").event,
        delivery(Options(), body=b"not JSON").event,
    ],
)
async def test_an_event_that_names_no_id_is_a_bad_record_and_nothing_is_asked(asked: Event) -> None:
    async with Endpoint() as api:
        with pytest.raises(BadRecordError):
            await fetch(api, asked)
    assert api.received == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, BadRecordError),
        (410, BadRecordError),
        (408, RetryableError),
        (418, RetryableError),
        (500, RetryableError),
        (503, RetryableError),
        (429, ThrottledError),
    ],
)
async def test_a_refusal_decides_what_becomes_of_the_delivery(status: int, error: type[Exception]) -> None:
    async with Endpoint() as api:
        api.scripts.append(answers(status, {"Retry-After": "7"}))
        with pytest.raises(error) as raised:
            await fetch(api, batch())
    assert getattr(raised.value, "retry_after", timedelta(seconds=7)) == timedelta(seconds=7)
    assert "the-key" not in str(raised.value)


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_another_accounts_file_is_a_bad_record_and_a_refused_key_an_outage(status: int) -> None:
    async with Endpoint() as api:
        api.scripts += [answers(status), answers(200, body=b"{}")]
        with pytest.raises(BadRecordError, match="another account"):
            await fetch(api, batch())
        api.scripts += [answers(status), answers(status)]
        with pytest.raises(DestinationDownError, match="check `api_key`"):
            await fetch(api, batch())
    assert {each.target for each in api.received} == {"/v1/files/batch-abc:download?alt=media", "/v1/models?pageSize=1"}


async def test_without_a_key_it_is_said_where_one_belongs() -> None:
    with pytest.raises(DestinationDownError, match="GEMINI_API_KEY"):
        await GeminiSource(GeminiConfig(), context(Path(), name="jobs")).fetch(batch(), LIMITS)


async def test_an_api_that_cannot_be_reached_is_an_outage_and_one_that_breaks_off_is_tried_again() -> None:
    async with Endpoint() as api:
        api.scripts.append(says(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"))
        with pytest.raises(RetryableError):
            await fetch(api, batch())
        api.scripts.append(begins(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", hang))
        with pytest.raises(RetryableError):
            await fetch(api, batch(), FetchLimits(1_000, timedelta(seconds=0.3)))
    with pytest.raises(DestinationDownError):
        await fetch(api, batch())


async def test_private_addresses_are_refused_unless_allowed() -> None:
    async with Endpoint() as api:
        config = GeminiConfig.model_validate({"api_key": "k", "base_url": root(api)})
        with pytest.raises(DestinationDownError, match="not a public address"):
            await GeminiSource(config, context(Path(), allow_private=False)).fetch(batch(), LIMITS)
    assert api.received == []


async def test_a_result_larger_than_allowed_is_a_bad_record_whatever_it_announces() -> None:
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 20
    async with Endpoint() as api:
        for script in (answers(200, body=b"x" * 1001), begins(endless, hang)):
            api.scripts.append(script)
            with pytest.raises(BadRecordError, match="max_result"):
                await fetch(api, batch())
        api.scripts.append(answers(200, body=b"x" * 1000))
        found = await fetch(api, batch())
        assert found is not None
        assert len(found.body) == 1000


async def test_a_redirect_is_followed_on_the_same_host_and_takes_the_key_nowhere_else() -> None:
    async with Endpoint() as api, Endpoint() as other:
        api.scripts += [answers(302, {"Location": "/download/files/batch-abc"}), answers(200, body=LINES)]
        assert await fetch(api, batch()) == Enrichment("application/jsonl", LINES)
        assert api.received[-1].target == "/download/files/batch-abc"
        api.scripts.append(answers(302, {"Location": other.url}))
        with pytest.raises(RetryableError, match="not followed"):
            await fetch(api, batch())
        assert other.received == []
