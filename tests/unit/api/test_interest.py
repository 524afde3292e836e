"""Interests: everything that is said must apply."""

from datetime import UTC, datetime

import pytest

from hub.api.interest import Interest
from hub.log.records import EventOutline, encode_event
from schemas.event import Event

EVENT = Event(
    source="gemini",
    id="1",
    type="batch.succeeded",
    received=datetime(2026, 1, 2, tzinfo=UTC),
    digest="0",
    body=b"{}",
    endpoint="agents/a",
    subject="123",
)


def outline() -> EventOutline:
    record = encode_event(EVENT)
    return EventOutline(record.headers, record.value)


@pytest.mark.parametrize(
    ("interest", "wanted"),
    [
        (Interest(), True),
        (Interest(sources=frozenset({"gemini", "github"})), True),
        (Interest(sources=frozenset({"github"})), False),
        (Interest(types=("batch.failed", "batch.succeeded")), True),
        (Interest(types=("batch.*",)), True),
        (Interest(types=("*",)), True),
        (Interest(types=("batch",)), False),
        (Interest(types=("Batch.*",)), False),
        (Interest(subjects=frozenset({"123"})), True),
        (Interest(subjects=frozenset({"12"})), False),
        (Interest(endpoints=frozenset({"agents/a"})), True),
        (Interest(endpoints=frozenset({"agents"})), False),
        (Interest(types=("batch.*",), subjects=frozenset({"1"})), False),
        (Interest(terminal={"gemini": frozenset({"batch.succeeded"})}), True),
        (Interest(terminal={"gemini": frozenset({"batch.failed"})}), False),
        (Interest(terminal={"github": frozenset({"batch.succeeded"})}), False),
    ],
)
def test_an_event_is_wanted_when_all_of_it_applies(interest: Interest, wanted: bool) -> None:
    assert interest.wants(outline()) is wanted
