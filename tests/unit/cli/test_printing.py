"""What is typed and what is shown."""

import hashlib
from datetime import UTC, datetime, timedelta

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.moments import Moment
from hub.cli.printing import SHOWN_BYTES, event_json, printable, shown_body
from hub.log.reader import StoredEvent
from schemas.event import Event


def event(body: bytes) -> Event:
    return Event("github", "1", "push", datetime.now(UTC), hashlib.sha256(body).hexdigest(), body)


def moment(text: str) -> datetime:
    return Moment().convert(text, None, None)


def test_since_is_a_duration_before_now_or_a_time() -> None:
    assert abs(datetime.now(UTC) - timedelta(hours=24) - moment("24h")) < timedelta(seconds=5)
    assert moment("2026-02-01T12:00:00Z") == datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert moment("2026-02-01T12:00:00+02:00") == datetime(2026, 2, 1, 10, tzinfo=UTC)
    assert moment("999999999d") == datetime(1970, 1, 1, tzinfo=UTC)
    for wrong in ("yesterday", "24", "", "2026-13-01"):
        with pytest.raises(click.BadParameter, match="neither a duration"):
            moment(wrong)


@given(st.text())
def test_nothing_unprintable_is_printed(text: str) -> None:
    assert printable(text).isprintable()


@given(st.binary(max_size=200))
def test_every_body_can_be_shown(body: bytes) -> None:
    assert shown_body(body).replace("\n", "").replace("\t", "").isprintable()


def test_bodies_are_shown_as_what_they_are() -> None:
    assert shown_body(b'{"a":[1]}') == '{\n  "a": [\n    1\n  ]\n}'
    assert shown_body(b"plain\ttext\n") == "plain\ttext\n"
    assert "bytes that are no text" in shown_body(b"\xff\xfe")
    assert "5 more characters" in shown_body(b"x" * (SHOWN_BYTES + 5))
    assert shown_body(b"[" * 500 + b"]" * 500).startswith("[[[")  # valid, but too deep to be indented


def test_json_has_every_byte_of_the_body() -> None:
    assert event_json(StoredEvent(0, 0, event(b"text\x1b")), body=True)["body"] == "text\x1b"
    assert event_json(StoredEvent(0, 0, event(b"\xff")), body=True)["body_base64"] == "/w=="
    assert "body" not in event_json(StoredEvent(0, 0, event(b"x")), body=False)
