"""What makes two deliveries one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from schemas.event import Event
from schemas.identity import OncePer, delivery_id_of, destination_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
EVENT = Event("gemini", "msg_1", "batch.succeeded", NOON, "d" * 64, b"{}", subject="a/b c", endpoint="urgent")
SUBJECT_AND_TYPE = (OncePer.TYPE, OncePer.SUBJECT)


def test_by_its_own_id_an_event_is_one_delivery_per_route_and_destination() -> None:
    assert delivery_id_of(EVENT, "all", "db") == "gemini/msg_1~dddddddddddd:all:db"


def test_events_that_agree_in_what_once_per_names_are_one_delivery() -> None:
    name = delivery_id_of(EVENT, "all", "db", SUBJECT_AND_TYPE)
    assert name == "gemini/subject=a%2Fb%20c&type=batch.succeeded:all:db"
    assert destination_of(name) == "db"
    late = replace(EVENT, id="reconciled:1", digest="e" * 64, endpoint="")
    assert delivery_id_of(late, "all", "db", SUBJECT_AND_TYPE) == name


@pytest.mark.parametrize("other", [{"type": "batch.failed"}, {"subject": "a"}, {"source": "other"}])
def test_those_that_differ_are_others(other: dict[str, str]) -> None:
    names = {delivery_id_of(each, "all", "db", SUBJECT_AND_TYPE) for each in (EVENT, replace(EVENT, **other))}  # type: ignore[arg-type]  # text fields only
    assert len(names) == 2


def test_the_endpoint_counts_where_it_is_named() -> None:
    names = {
        delivery_id_of(replace(EVENT, endpoint=endpoint), "all", "db", tuple(OncePer)) for endpoint in ("a", "b", "a")
    }
    assert names == {f"gemini/subject=a%2Fb%20c&type=batch.succeeded&endpoint={endpoint}:all:db" for endpoint in "ab"}


def test_an_event_without_a_subject_counts_by_its_id() -> None:
    nothing = replace(EVENT, subject=None)
    assert delivery_id_of(nothing, "all", "db", SUBJECT_AND_TYPE) == delivery_id_of(nothing, "all", "db")


def test_no_id_of_a_sender_can_look_like_another_delivery() -> None:
    forged = replace(EVENT, id="subject=a%2Fb%20c&type=batch.succeeded")
    assert "=" not in delivery_id_of(forged, "all", "db")
