"""What becomes of a body in the column ``data``."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest

from connectors.api import BadRecordError, Options
from connectors.destinations.database.rows import COLUMNS, json_text, row_of
from connectors.testing import delivery


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b' {"a": [1, 2.50, null]} ',
        b'{"a": 1, "a": 2}',
        b"123456789012345678901234567890.123456789",
        b'"text"',
        '{"caf\u00e9": "\u2028\U0001f600"}'.encode(),
    ],
)
def test_a_json_body_stays_the_senders_own_text(body: bytes) -> None:
    assert json_text(body) == body.decode()


@pytest.mark.parametrize(
    "body", [b"plain text", b"{", b"[1,]", b"NaN", b"[" * 3000 + b"]" * 3000, "caf\u00e9".encode()]
)
def test_a_text_that_is_not_json_becomes_a_json_string(body: bytes) -> None:
    text = json_text(body)
    assert text is not None
    assert orjson.loads(text) == body.decode()


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a\0b", b'"\0"', b"\x80" * 1000, b'"\xed\xa0\x80"'])
def test_bytes_that_are_no_text_become_base64(body: bytes) -> None:
    text = json_text(body)
    assert text is not None
    assert base64.b64decode(orjson.loads(text)["base64"]) == body


def test_an_empty_body_is_null() -> None:
    assert json_text(b"") is None


def test_times_are_utc_and_sort_as_text() -> None:
    event = delivery(Options()).event
    received = dict(zip(COLUMNS, row_of(delivery(Options())), strict=True))["received"]
    assert received == "2026-11-23T12:00:00.123456Z"
    early = event.__class__(
        source="s",
        id="1",
        type="t",
        digest="",
        body=b"",
        received=datetime(999, 1, 1, tzinfo=UTC),
        time=datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))),
    )
    late = delivery(Options())
    moved = type(late)(late.key, early, "r", 1, Options())
    row = dict(zip(COLUMNS, row_of(moved), strict=True))
    assert row["received"] == "0999-01-01T00:00:00.000000Z"
    assert row["time"] == "2026-01-01T10:00:00.000000Z"


def test_metadata_that_is_no_json_is_a_bad_record() -> None:
    with pytest.raises(BadRecordError):
        row_of(delivery(Options(), metadata={"when": object()}))
