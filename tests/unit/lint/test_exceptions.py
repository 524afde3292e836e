"""Routes whose `unless` leaves nothing, or leaves nothing out."""

import pytest

from tests.unit.lint.conftest import FIRST, Found


def test_what_is_all_taken_away_is_told(found: Found) -> None:
    (finding,) = found("{id: a, to: db, when: {type: [x]}, unless: {type: [{prefix: x}]}}")
    assert finding == (
        f"hub.yaml:{FIRST}: route `a` gets nothing: `unless` takes away everything that `when` matches "
        "[never-matches]\n  fix: narrow `unless`, or take the route out"
    )


def test_what_takes_nothing_away_is_told(found: Found) -> None:
    (finding,) = found("id: a\n    to: db\n    when: {source: [github]}\n    unless: {source: [shop], type: [x]}")
    assert finding.startswith(f"hub.yaml:{FIRST + 3}: the `unless` of route `a` takes nothing away: no event that")
    assert "[no-effect]" in finding


@pytest.mark.parametrize(
    "route",
    [
        "{id: a, to: db, unless: {type: [x]}}",
        "{id: a, to: db, when: {type: [x, y]}, unless: {type: [x]}}",
        "{id: a, to: db, when: {type: [x]}, unless: {metadata: {repository: [y]}, source: [github]}}",
    ],
)
def test_what_takes_something_away_is_fine(found: Found, route: str) -> None:
    assert found(route) == []


def test_fields_are_looked_up_in_it_too(found: Found) -> None:
    (finding,) = found("{id: a, to: db, unless: {source: [gemini], data: {idd: [x]}}}")
    assert "has `data.idd`" in finding
