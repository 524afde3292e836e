from datetime import UTC, datetime

import pytest

from hub.log.records import EventOutline, MalformedRecordError, NewerFormatError, decode_event, encode_event
from schemas.document import Document
from schemas.event import Event

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FULL = Event(
    source="gemini",
    id="50% \x00",
    type="batch.succeeded",
    received=NOON,
    digest="a" * 64,
    body=b'{"data": {"n": 1}}',
    endpoint="jobs",
    subject="job-1",
    time=NOON,
    metadata={"priority": "high", "amount": 2**70 + 1},
    verified={"scheme": "standard-webhooks"},
    headers=(("x-kind", "a"), ("x-kind", "b"), ("x-one", "c")),
)
BARE = Event(source="shop", id="1", type="sold", received=NOON, digest="b" * 64, body=b"\xff")


@pytest.mark.parametrize("event", [FULL, BARE])
def test_its_document_is_that_of_the_whole_event(event: Event) -> None:
    record = encode_event(event)
    outline = EventOutline(record.headers, record.value)
    whole = decode_event(record.headers, record.value)
    assert dict(Document(outline, "data")) == dict(Document(whole, "data"))
    assert dict(Document(outline))["metadata"] == event.metadata
    assert len(Document(outline)) == len(dict(Document(whole)))
    assert outline.digest == event.digest


@pytest.mark.parametrize("missing", ["ce_hubformat", "ce_source", "ce_id", "ce_type", "ce_hubdigest"])
def test_a_record_without_its_identity_is_not_ours(missing: str) -> None:
    record = encode_event(FULL)
    with pytest.raises(MalformedRecordError):
        EventOutline([header for header in record.headers if header[0] != missing], record.value)


def test_a_record_without_a_value_is_not_ours() -> None:
    with pytest.raises(MalformedRecordError):
        EventOutline(encode_event(FULL).headers, None)


@pytest.mark.parametrize(
    ("name", "value", "attribute"),
    [
        ("ce_time", b"noon", "time"),
        ("ce_hubmetadata", b"{", "metadata"),
        ("ce_hubmetadata", b"[]", "metadata"),
        ("ce_subject", b"\xff", "subject"),
        ("ce_hubverified", b"[]", "verified"),
        ("ce_hubheaders", b"[1]", "headers"),
    ],
)
def test_an_unreadable_attribute_is_told_when_somebody_asks(name: str, value: bytes, attribute: str) -> None:
    record = encode_event(FULL)
    outline = EventOutline([*record.headers, (name, value)], record.value)
    with pytest.raises(MalformedRecordError):
        getattr(outline, attribute)


def test_a_newer_format_is_told_loudly() -> None:
    with pytest.raises(NewerFormatError):
        EventOutline([("ce_hubformat", b"2")], b"")
