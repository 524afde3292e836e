from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from faust.types import TP

from connectors.api import Options
from hub.config.deciding import Rules
from hub.config.model import Configuration, LogConfig, RetryConfig, Route, Target, Where
from hub.log.records import NewerFormatError, Record, decode_decision, decode_delivery, encode_event
from hub.processors.route import route_batch
from hub.processors.window import Received, Window
from hub.rules import parse
from schemas.delivery import DeliveryRecord
from schemas.event import Event
from schemas.identity import OncePer
from schemas.lane import Lane

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOWHERE = Where("hub.yaml", 1)


def route(name: str, when: dict[str, Any] | None, *to: str, enabled: bool = True) -> Route:
    targets = tuple(Target(destination, Options(), RetryConfig()) for destination in to)
    return Route(name, parse(when) if when else None, targets, NOWHERE, enabled=enabled)


RULES = Rules(
    Configuration(
        "hub",
        LogConfig(),
        {},
        {},
        (
            route("everything", None, "archive"),
            route("urgent", {"metadata": {"priority": ["high"]}}, "alerts", "archive"),
            route("off", None, "alerts", enabled=False),
        ),
        (),
        revision="abc123",
    )
)


def event(name: str, priority: str) -> Event:
    return Event("shop", name, "sold", NOON, "d" * 64, b"{}", subject="s", metadata={"priority": priority})


def received(offset: int, headers: list[tuple[str, bytes]], value: bytes | None, key: bytes = b"s") -> Received:
    record = ConsumerRecord("hub.events", 3, offset, 0, 0, key, value, None, 1, 1, tuple(headers))
    return Received(TP("hub.events", 3), record, 1, Window())


def batch(*events: Event) -> list[Received]:
    records = [encode_event(each) for each in events]
    return [received(offset, record.headers, record.value) for offset, record in enumerate(records)]


def decoded(record: Record) -> DeliveryRecord:
    return decode_delivery(record.headers, record.value)


def test_each_match_becomes_a_delivery_and_each_event_a_decision() -> None:
    writes = route_batch(batch(event("1", "low"), event("2", "high")), RULES, NOON)
    found = {
        (destination, lane): [
            (each.event.id, each.route)
            for each in (decode_delivery(record.headers, record.value) for record in records)
        ]
        for (destination, lane), records in writes.deliveries.items()
    }
    assert found == {
        ("archive", Lane.NORMAL): [("1", "everything"), ("2", "everything"), ("2", "urgent")],
        ("alerts", Lane.NORMAL): [("2", "urgent")],
    }
    decisions = [decode_decision(record.value) for record in writes.decisions]
    assert [(each.offset, each.revision, len(each.deliveries)) for each in decisions] == [
        (0, "abc123", 1),
        (1, "abc123", 3),
    ]


def test_the_same_event_and_revision_give_the_same_deliveries() -> None:
    first, second = (route_batch(batch(event("1", "high")), RULES, NOON) for _ in range(2))
    assert first == second


def test_the_stored_bytes_and_headers_are_carried_on_as_they_are() -> None:
    [one] = batch(event("1", "low"))
    record = route_batch([one], RULES, NOON).deliveries["archive", Lane.NORMAL][0]
    assert (record.key, record.value) == (one.record.key, one.record.value)
    assert tuple(record.headers[: len(one.record.headers)]) == one.record.headers


@pytest.mark.parametrize("unreadable", [("ce_hubmetadata", b"{"), ("ce_source", b"\xff"), ("ce_hubformat", b"old")])
def test_what_cannot_be_read_is_a_dead_letter_and_its_neighbours_go_on(unreadable: tuple[str, bytes]) -> None:
    good, bad = batch(event("1", "low"), event("2", "low"))
    broken = received(1, [*bad.record.headers, unreadable], bad.record.value)
    writes = route_batch([good, broken], RULES, NOON)
    assert len(writes.decisions) == len(writes.deliveries["archive", Lane.NORMAL]) == 1
    [letter] = writes.dead_letters
    assert letter.value == bad.record.value
    assert "MalformedRecordError" in dict(letter.headers)["ce_huberror"].decode()


def test_a_newer_format_stops_the_line() -> None:
    with pytest.raises(NewerFormatError):
        route_batch([received(0, [("ce_hubformat", b"2")], b"")], RULES, NOON)


def test_a_late_webhook_has_the_delivery_of_the_event_that_was_added_for_it() -> None:
    by_job = replace(route("by-job", None, "archive"), once_per=(OncePer.SUBJECT, OncePer.TYPE))
    rules = Rules(Configuration("hub", LogConfig(), {}, {}, (by_job,), (), revision="abc123"))
    found = route_batch(batch(event("e1", "low"), event("e2", "high")), rules, NOON)
    [records] = found.deliveries.values()
    assert {decoded(record).id for record in records} == {"shop/subject=s&type=sold:by-job:archive"}
