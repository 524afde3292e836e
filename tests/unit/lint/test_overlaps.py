"""Routes that take each other's events."""

import pytest

from hub.lint import overlaps
from hub.lint.overlaps import Taker, shadowed
from hub.rules import Pattern, parse
from hub.rules.comparing import implies
from tests.unit.lint.conftest import FIRST, Found

EVERYTHING = Taker(None)
FAILURES = parse({"type": [{"suffix": ".failed"}]})
BATCH = parse({"type": ["batch.failed"]})


def test_a_route_with_stop_hides_the_narrower_ones_after_it() -> None:
    assert shadowed([Taker(FAILURES, stop=True), Taker(BATCH)]) == {1: 0}
    assert shadowed([Taker(None, stop=True), EVERYTHING, Taker(BATCH)]) == {1: 0, 2: 0}


@pytest.mark.parametrize(
    "takers",
    [
        [Taker(FAILURES), Taker(BATCH)],  # no stop
        [Taker(BATCH), Taker(FAILURES, stop=True)],  # the narrower one comes first
        [Taker(BATCH, stop=True), Taker(FAILURES)],  # something is left
        [Taker(FAILURES, stop=True, whole=False), Taker(BATCH)],  # a sample
    ],
)
def test_a_route_that_gets_something_is_not_hidden(takers: list[Taker]) -> None:
    assert shadowed(takers) == {}


def test_the_same_delivery_twice_is_found(found: Found) -> None:
    (finding,) = found("{id: all, to: db}", "{id: failures, to: [terminal, db], when: {type: [{suffix: .failed}]}}")
    assert finding == (
        f"hub.yaml:{FIRST + 1}: every event of route `failures` goes to db twice: `all` (hub.yaml:{FIRST}) takes it "
        "there, too, in the same way [delivered-twice]\n"
        "  fix: take db out of one of them, or give them other options in `with`"
    )


def test_it_is_told_once_of_two_that_take_the_same(found: Found) -> None:
    (finding,) = found("{id: a, to: db, when: {type: [x]}}", "{id: b, to: db, when: {type: [x]}}")
    assert finding.startswith(f"hub.yaml:{FIRST + 1}: every event of route `b`")


def test_the_narrower_one_may_come_first(found: Found) -> None:
    (finding,) = found("{id: failures, to: db, when: {type: [{suffix: .failed}]}}", "{id: all, to: db}")
    assert finding.startswith(f"hub.yaml:{FIRST}: every event of route `failures`")


@pytest.mark.parametrize(
    "routes",
    [
        ("{id: all, to: db}", "{id: loud, to: terminal, when: {type: [x]}}"),
        ("{id: a, to: terminal}", '{id: b, to: terminal, when: {type: [x]}, with: {terminal: {text: "!"}}}'),
        ("{id: a, to: db, when: {type: [x]}}", "{id: b, to: db, when: {type: [y]}}"),
        ("{id: a, to: db}", "{id: b, to: db, when: {type: [x]}, enabled: false}"),
    ],
)
def test_what_is_not_the_same_is_no_finding(found: Found, routes: tuple[str, ...]) -> None:
    assert found(*routes) == []


def test_thousands_of_routes_are_not_compared_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    def counted(one: Pattern | None, other: Pattern | None) -> bool:
        nonlocal compared
        compared += 1
        return implies(one, other)

    monkeypatch.setattr(overlaps, "implies", counted)
    takers = [
        Taker(parse({"type": ["batch.failed"], "metadata": {"team": [f"team-{number}"]}}), stop=True)
        for number in range(2000)
    ]
    assert shadowed([*takers, takers[17]]) == {2000: 17}
    assert compared < 10 * len(takers)
