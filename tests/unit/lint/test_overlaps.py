"""Routes that take each other's events."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.config.deciding import Rules
from hub.config.model import Configuration, LogConfig, Route, Where
from hub.lint import overlaps
from hub.lint.overlaps import Taker, shadowed
from hub.rules import Pattern, parse
from hub.rules.comparing import implies
from tests.unit.lint.conftest import FIRST, Found

NOWHERE = Where("hub.yaml", 1)
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
        [Taker(FAILURES, stop=True, sampled=True), Taker(BATCH)],
        [Taker(None, unless=BATCH, stop=True), Taker(FAILURES)],
        [Taker(None, stop=True, otherwise=True), Taker(BATCH)],  # it gets only the rest
        [Taker(FAILURES), Taker(None, otherwise=True)],
    ],
)
def test_a_route_that_gets_something_is_not_hidden(takers: list[Taker]) -> None:
    assert shadowed(takers) == {}


def test_what_one_leaves_out_counts() -> None:
    expired, batches = parse({"type": ["batch.expired"]}), parse({"type": [{"prefix": "batch."}]})
    assert shadowed([Taker(None, unless=batches, stop=True), Taker(FAILURES)]) == {}
    assert shadowed([Taker(None, unless=expired, stop=True), Taker(BATCH)]) == {1: 0}
    assert shadowed([Taker(None, unless=BATCH, stop=True), Taker(FAILURES, unless=BATCH)]) == {1: 0}


def test_one_for_the_rest_gets_nothing_where_another_takes_everything() -> None:
    rest = Taker(BATCH, otherwise=True)
    assert shadowed([rest, EVERYTHING]) == {0: 1}
    assert shadowed([rest, Taker(FAILURES)]) == {0: 1}
    assert shadowed([Taker(None, stop=True, otherwise=True), rest]) == {1: 0}


NARROW = st.sampled_from([None, *(parse({"type": each}) for each in (["a"], ["a", "b"], [{"prefix": "a"}], ["c"]))])
TAKERS = st.lists(
    st.builds(Taker, NARROW, st.none() | NARROW.filter(bool), st.booleans(), st.booleans()), min_size=2, max_size=5
)


@settings(max_examples=300, deadline=None)
@given(TAKERS, st.sampled_from(["a", "ab", "b", "c", "d"]))
def test_what_is_hidden_never_gets_an_event(takers: list[Taker], event_type: str) -> None:
    routes = tuple(
        Route(f"r{i}", each.when, (), NOWHERE, unless=each.unless, stop=each.stop, otherwise=each.otherwise)
        for i, each in enumerate(takers)
    )
    configuration = Configuration("hub", LogConfig(), {}, {}, routes, (), "revision")
    taken = Rules(configuration).routes({"type": event_type})
    assert not {each.id for each in taken} & {f"r{i}" for i in shadowed(takers)}


def test_a_hidden_route_is_told_with_what_hides_it(found: Found) -> None:
    hidden, rest = found(
        "{id: all, to: db, stop: true}",
        "{id: some, to: terminal, when: {type: [x]}}",
        "{id: r, to: db, otherwise: true}",
    )
    assert hidden == (
        f"hub.yaml:{FIRST + 1}: route `some` gets nothing: `all` (hub.yaml:{FIRST}) takes everything it could, and has "
        "`stop` [shadowed]\n  fix: move it before `all`, or take it out"
    )
    assert rest == (
        f"hub.yaml:{FIRST + 2}: route `r` gets nothing: `all` (hub.yaml:{FIRST}) takes everything it could, and it is "
        "for the rest (`otherwise`) [shadowed]\n  fix: narrow the other one, or take it out"
    )


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
        ("{id: a, to: db, when: {type: [x]}, stop: true}", "{id: b, to: db}"),  # only one of them gets it
        ("{id: a, to: db, sample: 0.5}", "{id: b, to: db, when: {type: [x]}}"),
        ("{id: a, to: db, unless: {type: [x]}}", "{id: b, to: db, when: {type: [x]}}"),
        ("{id: a, to: db, when: {type: [x]}}", "{id: b, to: db, when: {type: [x, y]}, otherwise: true}"),
        ("{id: a, to: db}", "{id: b, to: db, when: {type: [x]}, transform: data}"),
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
