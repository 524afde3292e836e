"""Which routes an event takes: ``when``, ``unless``, ``enabled``, ``sample``, ``stop`` and ``otherwise`` together."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.api import Options
from connectors.destinations.console import ConsoleConfig, ConsoleDestination
from hub.config.deciding import Rules, in_sample
from hub.config.model import (
    Configuration,
    DeliverySettings,
    DestinationEntry,
    LogConfig,
    RetryConfig,
    Route,
    Target,
    Where,
)
from hub.config.verdicts import Answer, verdicts
from hub.log.records import EventOutline, encode_event
from hub.rules import parse
from schemas.event import Event
from tests.unit.config.conftest import Load

NOWHERE = Where("hub.yaml", 1)


def route(name: str, when: dict[str, Any] | None = None, *, unless: dict[str, Any] | None = None, **more: Any) -> Route:
    targets = (Target("out", Options(), RetryConfig()),)
    patterns = (parse(each) if each else None for each in (when, unless))
    made, left_out = patterns
    return Route(name, made, targets, NOWHERE, unless=left_out, **more)


def configuration(*routes: Route) -> Configuration:
    return Configuration("hub", LogConfig(), {}, {}, routes, (), revision="abc123")


def outline(event_id: str) -> EventOutline:
    digest = hashlib.sha256(b"{}").hexdigest()
    record = encode_event(Event("shop", event_id, "sold", datetime(2026, 1, 1, tzinfo=UTC), digest, b"{}"))
    return EventOutline(record.headers, record.value)


def taken(routes: Sequence[Route], document: Mapping[str, Any]) -> list[str]:
    return [each.id for each in Rules(configuration(*routes)).routes(document)]


def test_unless_leaves_out_what_when_matches() -> None:
    routes = [
        route("all-but-tests", unless={"metadata.env": ["test"]}),
        route("failed", {"type": [{"suffix": ".failed"}]}, unless={"$or": [{"id": ["1"]}, {"source": ["x"]}]}),
    ]
    assert taken(routes, {"type": "a.failed", "id": "2"}) == ["all-but-tests", "failed"]
    assert taken(routes, {"type": "a.failed", "id": "1"}) == ["all-but-tests"]
    assert taken(routes, {"type": "a.failed", "source": "x", "metadata": {"env": "test"}}) == []


def test_stop_leaves_nothing_to_the_routes_after_it() -> None:
    routes = [route("first"), route("urgent", {"id": ["1"]}, stop=True), route("last")]
    assert taken(routes, {"id": "1"}) == ["first", "urgent"]
    assert taken(routes, {"id": "2"}) == ["first", "last"]


def test_otherwise_takes_what_no_other_route_takes_wherever_it_stands() -> None:
    routes = [
        route("rest", otherwise=True),
        route("failed", {"type": ["failed"]}),
        route("off", {"type": ["done"]}, enabled=False),
        route("lost", {"type": ["done"]}, otherwise=True),
    ]
    assert taken(routes, {"type": "failed"}) == ["failed"]
    assert taken(routes, {"type": "done"}) == ["rest", "lost"]
    assert taken(routes, {"type": "other"}) == ["rest"]


def test_otherwise_takes_what_a_sample_or_unless_leaves() -> None:
    routes = [
        route("none", sample=0.0),
        route("never", unless={"id": [{"exists": True}]}),
        route("rest", otherwise=True),
    ]
    assert taken(routes, {"id": "1"}) == ["rest"]


def test_stop_among_otherwise_counts_among_them_alone() -> None:
    routes = [route("rest", otherwise=True, stop=True), route("more", otherwise=True), route("one", {"id": ["1"]})]
    assert taken(routes, {"id": "1"}) == ["one"]
    assert taken(routes, {"id": "2"}) == ["rest"]


def test_a_sample_is_a_share_and_another_one_on_another_route() -> None:
    tenth, other = route("a", sample=0.1), route("b", sample=0.1)
    events = [{"source": "shop", "id": f"evt-{i}"} for i in range(5_000)]
    chosen = {each["id"] for each in events if in_sample(tenth, each)}
    assert 400 < len(chosen) < 600
    assert 10 < len(chosen & {each["id"] for each in events if in_sample(other, each)}) < 100
    assert all(in_sample(route("c", sample=1.0), each) for each in events)
    assert not any(in_sample(route("c", sample=0.0), each) for each in events)


def test_a_sample_stays_the_same_for_ever() -> None:
    half = route("nightly", sample=0.5)
    found = [i for i in range(20) if in_sample(half, {"source": "gemini", "id": f"evt-{i}"})]
    assert found == [
        0,
        2,
        3,
        5,
        6,
        7,
        10,
        11,
        12,
        15,
        19,
    ]  # what was delivered must be found again by replays of later versions


def test_what_had_another_name_samples_and_names_its_deliveries_as_it_did() -> None:
    def decided(name: str, was: str | None, destination: str, old: str | None) -> set[str]:
        one = replace(route(name, sample=0.5, was=was), to=(Target(destination, Options(), RetryConfig()),))
        entry = DestinationEntry(
            destination, ConsoleDestination, ConsoleConfig(), DeliverySettings(), isolated=False, where=NOWHERE, was=old
        )
        rules = Rules(Configuration("hub", LogConfig(), {}, {destination: entry}, (one,), (), revision="abc123"))
        return {made.delivery for number in range(200) for made in rules.decide(outline(str(number)))}

    before = decided("alerts", None, "out", None)
    assert 50 < len(before) < 150
    assert decided("failures", "alerts", "screen", "out") == before
    assert decided("failures", None, "screen", "out") != before
    assert decided("failures", "alerts", "screen", None).isdisjoint(before)


def test_a_disabled_route_takes_nothing_unless_it_is_asked_for() -> None:
    one = route("off", enabled=False)
    assert Rules(configuration(one)).routes({}) == []
    assert Rules(configuration(one), as_if_enabled=["off"]).routes({}) == [one]


def test_a_decision_has_a_delivery_for_each_route_and_destination_in_the_order_of_the_file() -> None:
    rules = Rules(configuration(route("b"), route("a", {"headers.x": ["y"]}), route("c", {"verified.scheme": ["s"]})))
    assert [one.route for one in rules.decide(outline("1"))] == ["b"]


def made(found: Sequence[dict[str, Any]]) -> list[Route]:
    return [route(f"r{i}", **each) for i, each in enumerate(found)]


KEYS = st.sampled_from(["a", "b"])
PATTERNS = st.none() | st.fixed_dictionaries({"id": st.lists(KEYS, min_size=1)})
ROUTES = st.lists(
    st.fixed_dictionaries(
        {
            "when": PATTERNS,
            "unless": PATTERNS,
            "enabled": st.sampled_from([True, True, True, False]),
            "sample": st.sampled_from([None, None, 0.0, 0.5, 1.0]),
            "stop": st.booleans(),
            "otherwise": st.booleans(),
        }
    ),
    max_size=8,
).map(made)


def specified(routes: Sequence[Route], document: Mapping[str, Any]) -> Iterator[str]:
    """What the README says, said once more."""
    for last_resort in (False, True):
        found = False
        for each in routes:
            if each.otherwise is last_resort and matches(each, document):
                found = True
                yield each.id
                if each.stop:
                    break
        if found:
            return


def matches(one: Route, document: Mapping[str, Any]) -> bool:
    return (
        one.enabled
        and (one.when is None or one.when.matches(document))
        and not (one.unless is not None and one.unless.matches(document))
        and in_sample(one, document)
    )


@given(ROUTES, st.sampled_from(["a", "b", "c"]))
def test_an_event_takes_the_routes_that_the_definition_says_and_the_others_say_why_not(
    routes: list[Route], name: str
) -> None:
    document = {"source": "shop", "id": name}
    expected = list(specified(routes, document))
    assert taken(routes, document) == expected
    found = list(verdicts(configuration(*routes), document))
    assert [each.route for each in found] == routes
    assert [each.route.id for each in found if each.matches] == expected
    assert all(bool(each.why) != each.matches for each in found)


def test_every_route_says_why_not() -> None:
    routes = [
        route("off", enabled=False),
        route("other", {"type": ["sold"]}),
        route("left-out", unless={"id": ["1"]}),
        route("unlucky", sample=0.0),
        route("rest", otherwise=True),
        route("winner", stop=True),
        route("late"),
    ]
    found = {each.route.id: each for each in verdicts(configuration(*routes), {"id": "1", "type": "paid"})}
    assert {name: (each.answer, each.why) for name, each in found.items()} == {
        "off": (Answer.DISABLED, "is not enabled"),
        "other": (Answer.MISMATCH, 'type: expected ["sold"], got "paid"'),
        "left-out": (Answer.UNLESS, "its `unless` matches"),
        "unlucky": (Answer.SAMPLE, "the event is not in its `sample`"),
        "rest": (Answer.OTHERWISE, "has `otherwise`, and `winner` takes the event"),
        "winner": (Answer.MATCHES, ""),
        "late": (Answer.STOPPED, "`winner` before it takes the event, and has `stop`"),
    }
    assert found["other"].reason == "does not match: see `type`"


BASE = """\
version: 1
sources:
  door: {type: bell, secrets: [x]}
destinations:
  db: {type: store, url: u}
routes:
"""


def test_what_is_written_is_what_the_route_does(load_text: Load) -> None:
    one, two = load_text(
        BASE + "  - {id: one, to: db, sample: 12.5%, stop: true, unless: {type: [ping]}, transform: 'data.x'}\n"
        "  - {id: two, to: db, otherwise: true, sample: 0.25}\n"
    ).routes
    assert (one.sample, one.stop, one.otherwise, one.unless) == (0.125, True, False, parse({"type": ["ping"]}))
    assert one.transform is not None
    assert (two.sample, two.otherwise, two.unless, two.transform) == (0.25, True, None, None)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("unless:", "`unless` is empty; leave it out to leave no event out"),
        ("unless: {tpye: [a]}", "`unless.tpye`: no such field; did you mean `type`?"),
        ("sample: 10", "`sample`"),
        ("sample: 101%", "`sample`"),
        ("sample: often", "'often' is no share; write 0.1 or 10%"),
        ("transform: '{a:'", "`transform`: not a JMESPath expression"),
        ("stop: maybe", "`stop`"),
    ],
)
def test_a_mistake_is_told_with_its_line(written: str, problem: str, problems_of: Callable[..., list[str]]) -> None:
    (found,) = problems_of(f"{BASE}  - id: one\n    to: db\n    {written}\n")
    assert found.startswith("hub.yaml:9: ")
    assert problem in found


def test_an_unknown_source_is_found_in_unless_and_in_alternatives(load_text: Load) -> None:
    found = load_text(
        BASE + "  - {id: one, to: db, unless: {source: [dor]}, when: {$or: [{source: [bell]}, {type: [x]}]}}\n"
    ).findings
    assert [each.message.split("there is ")[1][:20] for each in found] == ["no source 'bell'", "no source 'dor'; did"]
