from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from hub.rules import Pattern, RouteIndex, parse
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
    "several values in shared conditions": (
        lambda i: {"type": [f"t{n}" for n in range(20)], "source": ["a", "b"], "data.id": [i, -i - 1]},
        {"type": "t7", "source": "b", "data": {"id": 1234}},
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_of_thousands_of_routes_only_a_few_are_checked(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern, document = SHAPES[shape]
    index = RouteIndex([parse(pattern(i)) for i in range(BIG)])
    checked = []
    matches = Pattern.matches

    def counted(self: Pattern, document: Mapping[str, Any]) -> bool:
        checked.append(self)
        return matches(self, document)

    monkeypatch.setattr(Pattern, "matches", counted)
    assert index.match(document) == [1234]
    assert len(checked) <= 8


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


@pytest.mark.parametrize("operator", ["prefix", "suffix"])
def test_texts_of_every_length_are_found_the_empty_one_too(operator: str) -> None:
    texts = ["", "a", "aa", "aaa", "b", "ba", "ab"]
    index = RouteIndex([parse({"subject": [{operator: text}]}) for text in texts])
    for subject in ("", "a", "aa", "aba", "c"):
        found = [texts[i] for i in index.match({"subject": subject})]
        assert found == [
            text for text in texts if (subject.startswith if operator == "prefix" else subject.endswith)(text)
        ]
