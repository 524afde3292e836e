"""``tests:`` of a configuration see the event as the routes would."""

from collections.abc import Callable
from typing import Any

import pytest

from hub.config.routing_tests import document, run_tests
from hub.config.written import WrittenEvent
from schemas.document import FIELDS
from tests.unit.config.conftest import Load

ProblemsOf = Callable[..., list[str]]

BASE = """\
version: 1
sources:
  door: {type: bell, secrets: [x]}
destinations:
  db: {type: store, url: u}
routes:
  - {id: everything, to: db}
  - {id: loud, to: db, when: {data: {volume: [high]}}}
  - {id: whole, to: db, when: {body: {data: {volume: [high]}}}}
  - {id: asleep, to: db, enabled: false}
tests:
"""


def failures(load_text: Load, *tests: str) -> list[str]:
    return [str(failure) for failure in run_tests(load_text(BASE + "".join(f"  - {test}\n" for test in tests)))]


def test_a_test_that_holds_says_nothing(load_text: Load) -> None:
    assert not failures(
        load_text,
        "{name: data, event: {source: door, data: {volume: high}}, expect: [everything, loud, whole]}",
        "{name: body, event: {source: door, body: {data: {volume: high}}}, expect: [everything, loud, whole]}",
        "{name: quiet, event: {source: door}, expect: [everything]}",
    )


def test_a_test_that_fails_shows_both_sides_and_its_line(load_text: Load) -> None:
    found = failures(
        load_text,
        "{name: fine, event: {source: door}, expect: [everything]}",
        "{name: a high volume is loud, event: {source: door, data: {volume: low}}, expect: [everything, loud]}",
        "{name: nothing matches, event: {source: door}, expect: []}",
        "{name: the order is that of the file, event: {source: door, data: {volume: high}},"
        " expect: [loud, everything, whole]}",
        "{name: a disabled route sleeps, event: {source: door}, expect: [everything, asleep]}",
    )
    assert found == [
        failed(
            13,
            "a high volume is loud",
            expected="everything, loud",
            matching="everything",
            reason="loud does not match: see `data.volume`",
        ),
        failed(14, "nothing matches", expected="none", matching="everything"),
        failed(
            15,
            "the order is that of the file",
            expected="loud, everything, whole",
            matching="everything, loud, whole",
        ),
        failed(
            16,
            "a disabled route sleeps",
            expected="everything, asleep",
            matching="everything",
            reason="asleep is not enabled",
        ),
    ]


def failed(line: int, name: str, *, expected: str, matching: str, reason: str = "") -> str:
    lines = [f"hub.yaml:{line}: test failed: {name}", f"expected routes: {expected}", f"matching routes: {matching}"]
    return "\n  ".join([*lines, reason] if reason else lines)


def test_the_hubs_own_news_can_be_tested(load_text: Load) -> None:
    assert not failures(
        load_text,
        "{name: as data, event: {source: hub, data: {volume: high}}, expect: [everything, loud]}",
        "{name: as body, event: {source: hub, body: {volume: high}}, expect: [everything, loud]}",
    )


def test_the_fields_of_an_event_are_those_of_the_document() -> None:
    assert set(WrittenEvent.model_fields) == set(FIELDS)


@pytest.mark.parametrize(
    ("written", "member", "shown"),
    [
        ({}, "data", {}),
        ({"data": 1}, "data", {"data": 1, "body": {"data": 1}}),
        ({"data": 1}, None, {"data": 1, "body": 1}),
        ({"body": {"data": 1}}, "data", {"data": 1, "body": {"data": 1}}),
        ({"body": {"data": 1}}, None, {"data": {"data": 1}, "body": {"data": 1}}),
        ({"body": {"other": 1}}, "data", {"body": {"other": 1}}),
        ({"body": [1]}, "data", {"body": [1]}),
        ({"body": 1, "data": 2}, "data", {"body": 1, "data": 2}),
        ({"subject": "s", "metadata": {"a": 1}}, None, {"subject": "s", "metadata": {"a": 1}}),
    ],
)
def test_data_and_body_follow_from_each_other_as_in_the_source(
    written: dict[str, Any], member: str | None, shown: dict[str, Any]
) -> None:
    event = WrittenEvent.model_validate({"source": "door", **written})
    absent: dict[str, Any] = {"endpoint": "", "metadata": {}, "headers": {}, "verified": {}}
    assert document(event, member) == {"source": "door", **absent, **shown}
