from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from hub.rules import RouteIndex, parse
from hub.rules import index as index_module
from hub.rules.conditions import AnythingBut
from hub.rules.exclusions import Exclusions
from schemas.document import FIELDS

BIG = 3000


class LookedAt(Mapping[str, Any]):
    """A document that remembers which keys were read, and cannot be iterated."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields
        self.keys_read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.keys_read.add(key)
        return self._fields[key]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError

    def __len__(self) -> int:
        raise AssertionError


def test_no_pattern_matches_everything_and_positions_ascend() -> None:
    index = RouteIndex([parse({"type": ["a"]}), None, parse({"type": ["b"]}), parse({"source": ["x"]}), None])
    assert index.match({"type": "a", "source": "x"}) == [0, 1, 3, 4]
    assert index.match({}) == [1, 4]
    assert RouteIndex([]).match({"type": "a"}) == []


def test_the_body_is_not_read_when_no_pattern_looks_at_it() -> None:
    index = RouteIndex([parse({"type": [f"t{i}"], "metadata.team": ["x"]}) for i in range(10)])
    document = LookedAt({"type": "t1", "metadata": {"team": "x"}, "data": {}})
    assert index.match(document) == [1]
    assert document.keys_read <= {"type", "metadata"}
    assert [field for field in FIELDS if index.looks_at(field)] == ["type", "metadata"]
    assert index.fields == {"type", "metadata"}


def test_the_body_is_not_read_when_no_route_that_looks_at_it_is_still_possible() -> None:
    looking = [parse({"type": [f"t{i}"], "data.n": [1]}) for i in range(10)]
    document = LookedAt({"type": "other", "data": {"n": 1}})
    assert RouteIndex(looking).match(document) == []
    assert document.keys_read == {"type"}


IN_NETWORK = {"headers": {"x-ip": f"10.{1234 // 250}.{1234 % 250}.7"}}
SHAPES: dict[str, Any] = {
    "one value each": (lambda i: {"type": [f"t{i}"]}, {"type": "t1234"}),
    "a shared condition": (
        lambda i: {"source": ["g"], "type": ["done"], "metadata": {"team": [f"t{i}"]}},
        {"source": "g", "type": "done", "metadata": {"team": "t1234"}},
    ),
    "two fields together": (
        lambda i: {"metadata": {"a": [i // 50], "b": [i % 50]}},
        {"metadata": {"a": 1234 // 50, "b": 1234 % 50}},
    ),
    "prefixes": (lambda i: {"subject": [{"prefix": f"p{i}/"}]}, {"subject": "p1234/x"}),
    "suffixes": (lambda i: {"subject": [{"suffix": f"/s{i}"}]}, {"subject": "x/s1234"}),
    "numeric ranges": (lambda i: {"data.n": [{"numeric": [">=", i, "<", i + 1]}]}, {"data": {"n": 1234.5}}),
    "presence of different keys": (lambda i: {"metadata": {f"k{i}": [{"exists": True}]}}, {"metadata": {"k1234": 0}}),
    "texts in any case": (
        lambda i: {
            "subject": [{"equals-ignore-case": f"Team-{i}"}],
            "type": [{"suffix": {"equals-ignore-case": ".X"}}],
        },
        {"subject": "TEAM-1234", "type": "a.x"},
    ),
    "wildcards with a word": (
        lambda i: {"subject": [{"wildcard": f"projects/*/team-{i}/*.json"}]},
        {"subject": "projects/eu/team-1234/a.json"},
    ),
    "wildcards with some characters": (
        lambda i: {"subject": [{"wildcard": f"*x{i}y*"}]},
        {"subject": "ax1234yb"},
    ),
    "wildcards that differ at the end": (
        lambda i: {"subject": [{"wildcard": f"a*b*x{i}-"}]},
        {"subject": "a-b-x1234-"},
    ),
    "networks": (lambda i: {"headers": {"x-ip": [{"cidr": f"10.{i // 250}.{i % 250}.0/24"}]}}, IN_NETWORK),
    "alternatives": (
        lambda i: {"type": ["done"], "$or": [{"data.a": [i]}, {"data.b": [{"prefix": f"p{i}/"}]}]},
        {"type": "done", "data": {"a": -1, "b": "p1234/x"}},
    ),
    "anything but beside one value": (
        lambda i: {"metadata": {"env": [{"anything-but": [f"e{i}"]}], "team": [f"t{i}"]}},
        {"metadata": {"env": "prod", "team": "t1234"}},
    ),
    "several values in shared conditions": (
        lambda i: {"type": [f"t{n}" for n in range(20)], "source": ["a", "b"], "data.id": [i, -i - 1]},
        {"type": "t7", "source": "b", "data": {"id": 1234}},
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_of_thousands_of_routes_only_a_few_are_checked(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern, document = SHAPES[shape]
    index = RouteIndex([parse(pattern(i)) for i in range(BIG)])
    checked = counted_checks(monkeypatch)
    assert index.match(document) == [1234]
    assert len(checked) <= 8


NOBODY: dict[str, Any] = {
    "one condition that all share, and the event has not": (
        lambda i: {"type": ["done"], "metadata": {"team": [{"anything-but": f"t{i}"}]}},
        {"type": "open", "metadata": {"team": "x"}},
    ),
    "the same pattern in all": (lambda _: {"data": {"n": [{"numeric": [">", 5]}]}}, {"data": {"n": 5}}),
    "a value that all exclude": (
        lambda i: {"metadata": {"team": [{"anything-but": ["bot", f"t{i}"]}]}},
        {"metadata": {"team": "bot"}},
    ),
    "texts that all exclude": (
        lambda _: {"subject": [{"anything-but": {"prefix": ["test-", "dev-"]}}]},
        {"subject": "test-1"},
    ),
    "a field that is not there to be anything else": (
        lambda i: {"metadata": {"team": [{"anything-but": f"t{i}"}]}},
        {"metadata": {}},
    ),
    "a field that must not be there": (
        lambda i: {"subject": [{"exists": False}], "type": [{"anything-but": f"t{i}"}]},
        {"subject": "s", "type": "t"},
    ),
}


@pytest.mark.parametrize("shape", NOBODY)
def test_what_no_route_matches_checks_none_of_thousands(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern, document = NOBODY[shape]
    index = RouteIndex([parse(pattern(i)) for i in range(BIG)])
    checked = counted_checks(monkeypatch)
    assert index.match(document) == []
    assert len(checked) <= 4


def counted_checks(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Grows by one for each conjunction that is checked at the end of a walk."""
    checked: list[object] = []
    fulfilled = index_module._fulfilled

    def counted(candidate: Any, fields: Any, document: Mapping[str, Any]) -> bool:
        checked.append(candidate)
        return fulfilled(candidate, fields, document)

    monkeypatch.setattr(index_module, "_fulfilled", counted)
    return checked


def test_patterns_with_many_values_in_many_conditions_do_not_multiply() -> None:
    values = [f"v{n}" for n in range(100)]
    patterns = [parse({"metadata": {f"f{field}": [*values, f"{i}-{field}"] for field in range(6)}}) for i in range(40)]
    index = RouteIndex(patterns)
    assert index.match({"metadata": {f"f{field}": "v3" for field in range(6)}}) == list(range(40))
    assert index.match({"metadata": {f"f{field}": f"7-{field}" for field in range(6)}}) == [7]


def test_equal_patterns_with_every_condition_shared_are_all_found() -> None:
    index = RouteIndex([parse({"data": {f"f{i}": [i] for i in range(60)}})] * 50)
    assert index.match({"data": {f"f{i}": i for i in range(60)}}) == list(range(50))
    assert index.match({"data": {"f0": 0}}) == []


def test_routes_that_share_a_value_and_routes_that_have_it_alone_are_all_found() -> None:
    index = RouteIndex([*[parse({"id": ["a", f"b{i}"], "type": ["t", f"u{i}"]}) for i in range(50)], None])
    assert index.match({"id": "a", "type": "t"}) == list(range(51))
    assert index.match({"id": "b7", "type": "t"}) == [7, 50]
    assert index.match({"id": "b7", "type": "u8"}) == [50]


def test_objects_in_lists_are_checked_as_a_whole() -> None:
    index = RouteIndex([parse({"data": {"jobs": {"team": [f"t{i}"], "state": ["failed"]}}}) for i in range(50)])
    jobs = [{"team": "t1", "state": "done"}, {"team": "t2", "state": "failed"}]
    assert index.match({"data": {"jobs": jobs}}) == [2]
    missing = RouteIndex(
        [parse({"data": {"jobs": {"team": [f"t{i}"], "end": [{"exists": False}]}}}) for i in range(50)]
    )
    assert missing.match({"data": {"jobs": [{"team": "t1"}, {"team": "t2", "end": 1}]}}) == [1]


@pytest.mark.parametrize("operator", ["prefix", "suffix"])
def test_texts_of_every_length_are_found_the_empty_one_too(operator: str) -> None:
    texts = ["", "a", "aa", "aaa", "b", "ba", "ab"]
    index = RouteIndex([parse({"subject": [{operator: text}]}) for text in texts])
    for subject in ("", "a", "aa", "aba", "c"):
        found = [texts[i] for i in index.match({"subject": subject})]
        assert found == [
            text for text in texts if (subject.startswith if operator == "prefix" else subject.endswith)(text)
        ]


def test_a_field_that_some_elements_of_a_list_have_may_be_the_one_that_is_not_there() -> None:
    asked = ({"end": [{"exists": False}], "team": [{"anything-but": f"t{i}"}]} for i in range(9))
    patterns = [parse({"data": {"jobs": each}}) for each in asked]
    assert RouteIndex(patterns).match({"data": {"jobs": [{"team": "x"}, {"team": "y", "end": 1}]}}) == list(range(9))
    assert RouteIndex(patterns).match({"data": {"jobs": [{"team": "x", "end": 2}, {"team": "y", "end": 1}]}}) == []


class Asked(frozenset[Any]):
    """Counts how often somebody asks for a member."""

    times = 0

    def __contains__(self, member: object) -> bool:
        Asked.times += 1
        return super().__contains__(member)


def test_a_value_that_most_exclude_asks_none_of_them() -> None:
    exclusions = Exclusions([(AnythingBut(Asked(["bot", i])), i) for i in range(BIG)] + [(AnythingBut(Asked("x")), -1)])
    Asked.times = 0
    assert list(exclusions.past("bot")) == [-1]
    assert Asked.times == 0
    assert sorted(exclusions.past(7)) == sorted({*range(BIG), -1} - {7})
