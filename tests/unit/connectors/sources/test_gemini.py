"""Static Gemini webhooks: the nine documented types, and everything the documentation leaves open."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.api import BadSignatureError, EventAttributes
from connectors.sources.gemini import GeminiSource
from connectors.sources.gemini.source import describe
from tests.fixtures.webhooks import OTHER_SECRET, SECRET, context, request, signed_headers

NOW = datetime(2026, 1, 22, 12, 0, 0, tzinfo=UTC)
TYPES = {
    "batch.succeeded": {"id", "output_file_uri"},
    "batch.cancelled": {"id"},
    "batch.expired": {"id"},
    "batch.failed": {"id", "error_code", "error_message"},
    "interaction.requires_action": {"id"},
    "interaction.completed": {"id"},
    "interaction.failed": {"id", "error_code", "error_message"},
    "interaction.cancelled": {"id"},
    "video.generated": {"id", "output_file_uri", "file_name"},
}
"""The catalogue of ai.google.dev/gemini-api/docs/webhooks, written down a second time on purpose."""


def gemini() -> GeminiSource:
    return GeminiSource(GeminiSource.config_model.model_validate({"secrets": [SECRET]}), context("gemini"))


def test_the_documented_payload_is_named_by_type_job_and_time() -> None:
    body = (
        b'{"type":"batch.succeeded","version":"v1","timestamp":"2026-01-22T12:00:00Z",'
        b'"data":{"id":"batch_123456","output_file_uri":"gs://my-bucket/results.jsonl"}}'
    )
    (attributes,) = gemini().describe(request(body, {"webhook-id": "msg_1"}))
    assert attributes == EventAttributes(type="batch.succeeded", id="msg_1", subject="batch_123456", time=NOW)


def test_there_is_a_sample_of_each_documented_type_with_its_documented_fields() -> None:
    sender = gemini()
    assert {each: set(sender.sample(each, NOW)["data"]) for each in sender.sample_types()} == TYPES


async def test_every_sample_is_accepted_as_the_type_it_shows() -> None:
    sender = gemini()
    now = datetime.now(UTC)
    for event_type in sender.sample_types():
        payload = sender.attach(sender.sample(event_type, now), {"team": "search"})
        body = orjson.dumps(payload)
        received = request(body, dict(sender.sign(body, event_type=event_type, event_id="msg_9", now=now)))
        assert (await sender.verify(received, now)).scheme == "standard-webhooks-v1"
        (attributes,) = sender.describe(received)
        assert attributes.type == event_type
        assert attributes.metadata == {"team": "search"}
        assert attributes.subject
        assert "/" not in attributes.subject


async def test_an_event_signed_with_another_secret_is_refused() -> None:
    with pytest.raises(BadSignatureError):
        await gemini().verify(request(b"{}", signed_headers("{}", NOW, secret=OTHER_SECRET)), NOW)


@pytest.mark.parametrize(
    ("written", "job"),
    [
        ("123", "123"),
        ("batches/123", "123"),
        ("interactions/v1_abc", "v1_abc"),
        ("models/veo-3.1/operations/op9", "op9"),
        ("operations/op9/", "op9"),
        (123, "123"),
        ("/", "/"),
        ("", None),
        (None, None),
        ({}, None),
    ],
)
def test_one_job_has_one_subject_however_its_name_is_written(written: object, job: str | None) -> None:
    assert describe({"type": "batch.failed", "data": {"id": written}}, "m").subject == job


@pytest.mark.parametrize(
    "body",
    [
        {"user_metadata": {"team": "a"}},
        {"userMetadata": {"team": "a"}},
        {"data": {"user_metadata": {"team": "a"}}},
        {"data": {"userMetadata": {"team": "a"}}},
        {"user_metadata": {"team": "a"}, "data": {"user_metadata": {"team": "b"}}},
    ],
)
def test_user_metadata_is_found_wherever_it_stands(body: dict[str, Any]) -> None:
    assert describe(body, None).metadata == {"team": "a"}


def test_a_type_the_catalogue_does_not_list_is_stored_as_it_is() -> None:
    assert describe({"type": "video.failed", "data": {"id": "x"}}, "m").type == "video.failed"


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "data", "id", "timestamp", "user_metadata", "userMetadata", "x"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(json)
def test_a_payload_of_any_shape_is_named(body: Any) -> None:
    assert describe(body, "m").type
