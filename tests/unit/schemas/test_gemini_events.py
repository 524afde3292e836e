"""The typed events of the Gemini API agree with what is sent, what the source reads, and their JSON Schema."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from connectors.sources.gemini.events import EVENT_TYPES, sample
from connectors.sources.gemini.source import describe
from schemas import gemini
from schemas.gemini import EVENT_MODELS, BatchFailed, BatchSucceeded, JobEvent, OtherEvent, VideoGenerated, parse
from schemas.generate import documents

NOW = datetime(2026, 1, 22, 12, 0, 0, tzinfo=UTC)
DOCUMENT: dict[str, Any] = orjson.loads(documents()["gemini-event.json"])
SCHEMA = Draft202012Validator(DOCUMENT)
FAILED: dict[str, Any] = {"type": "batch.failed", "timestamp": "2026-01-22T12:00:00Z", "data": {"id": "batches/1"}}


def test_the_documented_payload_is_typed() -> None:
    event = parse(
        b'{"type":"batch.succeeded","version":"v1","timestamp":"2026-01-22T12:00:00Z",'
        b'"data":{"id":"batch_123456","output_file_uri":"gs://my-bucket/results.jsonl"}}'
    )
    assert isinstance(event, BatchSucceeded)
    assert event.timestamp == NOW
    assert event.data.output_file_uri == "gs://my-bucket/results.jsonl"


def test_the_catalogue_of_samples_and_the_models_list_the_same_types() -> None:
    assert list(EVENT_MODELS) == list(EVENT_TYPES)
    assert list(EVENT_MODELS) == [each for model in EVENT_MODELS.values() for each in _literal(model)]


def _literal(model: type[JobEvent]) -> list[str]:
    return [model.model_json_schema()["properties"]["type"]["const"]]


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_sample_is_an_event_of_its_type_with_no_member_the_model_does_not_list(event_type: str) -> None:
    payload = sample(event_type, NOW)
    event = parse(orjson.dumps(payload))
    assert type(event) is EVENT_MODELS[event_type]
    assert isinstance(event, JobEvent)
    assert not event.model_extra
    assert not event.data.model_extra
    assert event.model_dump(mode="json", exclude_unset=True) == payload
    SCHEMA.validate(payload)


@pytest.mark.parametrize("model", EVENT_MODELS.values())
def test_every_member_of_a_model_is_in_its_sample(model: type[JobEvent]) -> None:
    event_type = next(name for name, each in EVENT_MODELS.items() if each is model)
    data = model.model_fields["data"].annotation
    assert data is not None
    assert set(data.model_fields) == set(sample(event_type, NOW)["data"])


@pytest.mark.parametrize("code", ["INTERNAL", 13, None, ""])
def test_an_error_code_stays_what_it_is(code: object) -> None:
    payload = {**FAILED, "data": {"id": "1", "error_code": code}}
    event = parse(orjson.dumps(payload))
    assert isinstance(event, BatchFailed)
    assert event.data.error_code == code
    assert type(event.data.error_code) is type(code)
    SCHEMA.validate(payload)


def test_an_inline_batch_has_no_file() -> None:
    event = parse(orjson.dumps({**FAILED, "type": "batch.succeeded"}))
    assert isinstance(event, BatchSucceeded)
    assert event.data.output_file_uri is None


def test_members_that_are_not_listed_are_kept() -> None:
    payload = {**FAILED, "new": [1], "data": {"id": "1", "also_new": {"a": None}}}
    event = parse(orjson.dumps(payload))
    assert isinstance(event, BatchFailed)
    assert (event.model_extra, event.data.model_extra) == ({"new": [1]}, {"also_new": {"a": None}})
    assert event.model_dump(mode="json", exclude_unset=True) == payload
    SCHEMA.validate(payload)


@pytest.mark.parametrize("body", [{"type": "video.failed"}, {"type": "x", "data": [1], "timestamp": 5}, {"type": ""}])
def test_a_type_that_is_not_listed_is_kept_whatever_it_holds(body: dict[str, Any]) -> None:
    event = parse(orjson.dumps(body))
    assert isinstance(event, OtherEvent)
    assert event.model_dump(exclude_unset=True) == body
    SCHEMA.validate(body)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"hello", b"[]", b"null", b"{}", b'{"type":5}', b'{"type":null}', b'{"type":["batch.failed"]}',
        orjson.dumps({**FAILED, "data": {}}), orjson.dumps({**FAILED, "data": None}),
        orjson.dumps({**FAILED, "data": {"id": True}}),
        orjson.dumps({**FAILED, "timestamp": "2026-01-22T12:00:00"}), orjson.dumps({**FAILED, "user_metadata": "x"}),
        orjson.dumps({**FAILED, "data": {"id": "1", "error_code": {}}}),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused_as_a_value_error(body: bytes) -> None:
    with pytest.raises(ValidationError):
        parse(body)


@pytest.mark.parametrize("job", ["123", "batches/123", 123, "models/veo/operations/123"])
@pytest.mark.parametrize("where", ["user_metadata", "userMetadata"])
@pytest.mark.parametrize("inside", [True, False])
def test_job_and_metadata_are_what_the_source_puts_on_the_event(job: object, where: str, inside: bool) -> None:
    attached = {where: {"team": "a", "deep": {"x": [1]}}}
    payload = {**FAILED, **({} if inside else attached), "data": {"id": job, **(attached if inside else {})}}
    event = parse(orjson.dumps(payload))
    described = describe(payload, "msg_1")
    assert isinstance(event, JobEvent)
    assert event.job == described.subject == "123"
    assert event.metadata == described.metadata == {"team": "a", "deep": {"x": [1]}}
    assert (event.type, event.timestamp) == (described.type, described.time)


json = st.recursive(
    st.none() | st.integers(-(2**53), 2**53) | st.text(max_size=5) | st.sampled_from(list(EVENT_MODELS)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "data", "id"]), inner),
    max_leaves=8,
)


@given(json)
def test_a_body_of_any_shape_is_typed_or_a_value_error(body: Any) -> None:
    try:
        data = orjson.dumps(body)
    except TypeError:  # lone surrogates
        return
    try:
        event = parse(data)
    except ValueError:
        return
    assert event.model_dump(mode="json", exclude_unset=True).get("type") == body["type"]
    SCHEMA.validate(body)


def test_the_schema_tells_the_types_apart() -> None:
    definitions = DOCUMENT["$defs"]
    assert set(EVENT_MODELS) == set(definitions["OtherEvent"]["properties"]["type"]["not"]["enum"])
    assert not SCHEMA.is_valid({"type": "batch.failed"})
    assert isinstance(gemini.EVENT.validate_python(sample("video.generated", NOW)), VideoGenerated)
