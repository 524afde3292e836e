"""Archived events are one line of JSON each, and give the received bytes back."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.archive import UnreadableArchiveError, decode_line, encode_line, event_of_row, row_of
from schemas.event import Event
from schemas.generate import documents
from schemas.identity import LIVE, DeliveryId

SCHEMA = Draft202012Validator(orjson.loads(documents()["archived-event.json"]))

texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
bodies = st.one_of(
    st.binary(),
    texts.map(str.encode),
    json_values.map(orjson.dumps),
    json_values.map(lambda value: orjson.dumps(value, option=orjson.OPT_INDENT_2)),
    json_values.map(lambda value: b"\r\n " + orjson.dumps({"body": value, "x": [value]}) + b"\n"),
)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


@st.composite
def events(draw: st.DrawFn) -> Event:
    body = draw(bodies)
    objects = st.dictionaries(texts, json_values, max_size=3)
    return Event(
        source=draw(st.from_regex("[a-z]{1,9}", fullmatch=True)),
        id=draw(texts),
        type=draw(texts),
        received=draw(moments),
        digest=hashlib.sha256(body).hexdigest(),
        body=body,
        endpoint=draw(texts),
        subject=draw(st.none() | texts),
        time=draw(st.none() | moments),
        content_type=draw(st.none() | texts),
        metadata=draw(objects | st.just({"a": 1, "body": {"digest": 7}})),
        verified=draw(objects),
        headers=tuple(draw(st.lists(st.tuples(texts, texts), max_size=3))),
        traceparent=draw(st.none() | texts),
    )


@given(events())
def test_a_line_gives_the_received_bytes_back(event: Event) -> None:
    line = encode_line(event, "keep", DeliveryId("d"), LIVE)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode_line(line) == event


@given(events())
def test_a_row_gives_the_received_bytes_back(event: Event) -> None:
    assert event_of_row(row_of(event, "keep", DeliveryId("d"), LIVE)) == event


@given(events())
def test_a_line_is_what_its_schema_says(event: Event) -> None:
    line: dict[str, Any] = orjson.loads(encode_line(event, "keep", DeliveryId("d"), LIVE))
    SCHEMA.validate(line)
    if line["body_encoding"] == "json":
        assert line["body"] == orjson.loads(event.body)


def test_numbers_are_not_rounded_on_their_way() -> None:
    body = b'{"big": 123456789012345678901234567890, "exact": 1.00}'
    event = Event("s", "i", "t", datetime(2026, 1, 1, tzinfo=UTC), hashlib.sha256(body).hexdigest(), body)
    line = encode_line(event, "keep", DeliveryId("d"), LIVE)
    assert body in line


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"nonsense", b'{"a":1,"body":2}', b'{"body_encoding":"json","body":1']
)
def test_what_is_no_archived_event_is_refused(line: bytes) -> None:
    with pytest.raises(UnreadableArchiveError):
        decode_line(line)
