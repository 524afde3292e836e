"""Where an event goes, whatever its sender put into it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.api import Options
from connectors.destinations.object_store.path import LONGEST_VALUE, PathTemplate, segment
from connectors.testing import RECEIVED, delivery


def at(template: str, **attributes: Any) -> str:
    time = attributes.pop("time", None)
    one = delivery(Options(), **attributes)
    if time is not None:
        object.__setattr__(one.event, "time", time)
    return PathTemplate(template).render(one)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("{source}/{type}/date={time:%Y-%m-%d}", "gemini/batch.succeeded/date=2026-11-23"),
        ("", ""),
        ("all", "all"),
        ("{received:%Y/%m/%d/%H}", "2026/11/23/12"),
        ("by/{route}/{subject}", "by/everything/batches%2F1"),
        ("{metadata.team}-{metadata.a.b}-{metadata.urgent}", "search-7-true"),
        ("{metadata.nobody}/{endpoint}", "_/_"),
    ],
)
def test_a_path_is_made_of_the_event(template: str, path: str) -> None:
    assert at(template, metadata={"team": "search", "a": {"b": 7}, "urgent": True}) == path


def test_a_late_event_lands_where_its_time_says() -> None:
    late = RECEIVED - timedelta(days=3)
    assert at("{time:%d}", time=late) == "20"
    assert at("{received:%d}", time=late) == "23"


def test_times_are_in_utc() -> None:
    elsewhere = datetime(2026, 1, 1, 1, tzinfo=UTC).astimezone(tz=None)
    assert at("{time:%Y-%m-%d-%H}", time=elsewhere) == "2026-01-01-01"


@given(st.text())
def test_no_value_climbs_divides_or_grows(value: str) -> None:
    found = segment(value)
    assert found not in {"", ".", ".."}
    assert "/" not in found
    assert found.isascii()
    assert len(found) <= LONGEST_VALUE


@given(st.lists(st.text(max_size=300), unique=True, max_size=20))
def test_no_two_values_look_alike(values: list[str]) -> None:
    values = [value for value in values if value]
    assert len({segment(value) for value in [*values, ""]}) == len(values) + 1


def test_a_long_value_is_cut_between_characters() -> None:
    for length in range(30, 60):
        found = segment("x" * length + "é" * 60)
        assert len(found) <= LONGEST_VALUE
        head = found.rpartition("~")[0]
        assert all(len(piece) >= 2 for piece in head.split("%")[1:])


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{sauce}", "there is no field {sauce}; there are source, type"),
        ("{metadata.}", "there is no field {metadata.}"),
        ("{time}", "there is no field {time}"),
        ("{time:%B}", "'%B' is no format for a path"),
        ("{time:}", "'' is no format for a path"),
        ("a b", "'a b' cannot be a part of a path"),
        ("a{b", "cannot be a part of a path"),
        ("/a", "no slash at its ends"),
        ("a//b", "no empty"),
        ("../{type}", "no empty, `.` or `..`"),
        ("run=1/{type}", "is for replays"),
    ],
)
def test_a_template_that_cannot_be_a_path_is_refused(template: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        PathTemplate(template)


@given(st.text(min_size=1), st.text())
def test_no_path_is_longer_than_its_template_says(kind: str, subject: str) -> None:
    template = PathTemplate("x/{source}/{type}/{subject}/{time:%Y%m%d}")
    one = delivery(Options(), type=kind, subject=subject)
    assert len(template.render(one).encode()) <= template.longest
