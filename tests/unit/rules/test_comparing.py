"""What is proven of two patterns holds for every document."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.rules import parse
from hub.rules.comparing import are_disjoint, examples, implies
from tests.unit.rules.test_oracle import LISTS, PATTERNS, VALUES, documents


@settings(max_examples=200, deadline=None)
@given(PATTERNS, PATTERNS, documents(VALUES))
def test_a_pattern_that_is_implied_matches_what_the_other_matches(
    one: dict[str, Any], other: dict[str, Any], document: dict[str, Any]
) -> None:
    narrow, wide = parse(one), parse(other)
    if implies(narrow, wide) and narrow.matches(document):
        assert wide.matches(document)


@settings(max_examples=200, deadline=None)
@given(LISTS, LISTS, st.sampled_from(["type", "data.a", "data.a.b"]), documents(VALUES))
def test_so_does_one_that_differs_in_a_single_field(
    one: list[Any], other: list[Any], field: str, document: dict[str, Any]
) -> None:
    # random patterns seldom imply each other; those with one field often do
    narrow, wide = parse({field: one, "metadata": {"a": [1, "x"]}}), parse({field: other})
    if implies(narrow, wide) and narrow.matches(document):
        assert wide.matches(document)


@settings(max_examples=100, deadline=None)
@given(PATTERNS)
def test_every_pattern_implies_itself_and_the_pattern_of_everything(pattern: dict[str, Any]) -> None:
    assert implies(parse(pattern), parse(pattern))
    assert implies(parse(pattern), None)


@settings(max_examples=100, deadline=None)
@given(PATTERNS, PATTERNS)
def test_what_is_implied_matches_the_examples(one: dict[str, Any], other: dict[str, Any]) -> None:
    narrow, wide = parse(one), parse(other)
    if implies(narrow, wide):
        assert all(wide.matches(example) for example in examples(narrow))


@pytest.mark.parametrize(
    ("narrow", "wide", "proven"),
    [
        ({"type": ["a"]}, {"type": ["a", "b"]}, True),
        ({"type": ["a", "b"]}, {"type": ["a"]}, False),
        ({"type": ["a"], "source": ["s"]}, {"type": ["a"]}, True),
        ({"type": ["a"]}, {"type": ["a"], "source": ["s"]}, False),
        ({"type": ["batch.failed"]}, {"type": [{"suffix": ".failed"}]}, True),
        ({"type": [{"prefix": "batch."}]}, {"type": [{"prefix": "b"}]}, True),
        ({"type": [{"prefix": "b"}]}, {"type": [{"prefix": "batch."}]}, False),
        ({"type": [{"suffix": ".ed"}]}, {"type": [{"suffix": "d"}]}, True),
        ({"type": [{"prefix": "a"}]}, {"type": [{"anything-but": ["b"]}]}, True),
        ({"type": [{"prefix": "a"}]}, {"type": [{"anything-but": ["ab"]}]}, False),
        ({"type": [{"prefix": "a"}]}, {"type": [{"anything-but": ["ab"]}, "ab"]}, True),
        ({"data": {"n": [{"numeric": [">", 5]}]}}, {"data": {"n": [{"numeric": [">=", 5]}]}}, True),
        ({"data": {"n": [{"numeric": [">=", 5]}]}}, {"data": {"n": [{"numeric": [">", 5]}]}}, False),
        ({"data": {"n": [5]}}, {"data": {"n": [{"numeric": [">", 0, "<", 9]}]}}, True),
        ({"data": {"n": [{"numeric": ["=", 5]}]}}, {"data": {"n": [5.0]}}, True),
        ({"data": {"n": [True]}}, {"data": {"n": [1]}}, False),
        ({"data": {"n": [1, "x", None]}}, {"data": {"n": [{"exists": True}]}}, True),
        ({"data": {"n": [{"anything-but": ["a", "b"]}]}}, {"data": {"n": [{"anything-but": ["a"]}]}}, True),
        ({"subject": [{"exists": False}]}, {"subject": [{"exists": False}]}, True),
        ({"subject": [{"exists": False}]}, {"subject": [{"exists": False}, "x"]}, True),
        ({"subject": [{"exists": False}]}, {"subject": [{"anything-but": ["x"]}]}, False),
        # of two elements, the first matches the narrow pattern, and the second has a `b`
        (
            {"data": {"a": [1], "b": [{"exists": False}]}},
            {"data": {"b": [{"exists": False}]}},
            False,
        ),
        ({"data.a": [1]}, {"data": {"a": [1]}}, True),
        ({"type": ["Batch.Failed"]}, {"type": [{"equals-ignore-case": "batch.failed"}]}, True),
        ({"type": [{"prefix": "Ba"}]}, {"type": [{"prefix": {"equals-ignore-case": "BA"}}]}, True),
        ({"type": [{"prefix": {"equals-ignore-case": "ba"}}]}, {"type": [{"prefix": "ba"}]}, False),
        ({"type": [{"equals-ignore-case": "a.B"}]}, {"type": [{"suffix": {"equals-ignore-case": ".b"}}]}, True),
        ({"type": [{"wildcard": "batch.*.done"}]}, {"type": [{"prefix": "batch."}]}, True),
        ({"type": [{"wildcard": "*.done"}]}, {"type": [{"suffix": "done"}]}, True),
        ({"type": [{"wildcard": "a*b"}]}, {"type": [{"wildcard": "a*b"}]}, True),
        ({"data": {"ip": [{"cidr": "10.1.0.0/16"}]}}, {"data": {"ip": [{"cidr": "10.0.0.0/8"}]}}, True),
        ({"data": {"ip": [{"cidr": "10.0.0.0/8"}]}}, {"data": {"ip": [{"cidr": "10.1.0.0/16"}]}}, False),
        ({"type": [{"prefix": "a"}]}, {"type": [{"anything-but": {"prefix": ["b", "c"]}}]}, True),
        ({"type": [{"prefix": "a"}]}, {"type": [{"anything-but": {"suffix": "b"}}]}, False),
        ({"type": [{"anything-but": {"prefix": ["a"]}}]}, {"type": [{"anything-but": {"prefix": "ab"}}]}, True),
        ({"data": {"n": [{"numeric": [">", 5]}]}}, {"data": {"n": [{"anything-but": {"wildcard": "*5"}}]}}, True),
        ({"$or": [{"type": ["a"]}, {"source": ["s"]}]}, {"$or": [{"source": ["s", "t"]}, {"type": ["a"]}]}, True),
        ({"$or": [{"type": ["a"]}, {"source": ["s"]}]}, {"type": ["a"]}, False),
        ({"type": ["a"]}, {"$or": [{"type": ["a"]}, {"source": ["s"]}]}, True),
    ],
)
def test_what_is_proven(narrow: dict[str, Any], wide: dict[str, Any], proven: bool) -> None:
    assert implies(parse(narrow), parse(wide)) is proven


def test_the_pattern_of_everything_implies_only_itself() -> None:
    assert implies(None, None)
    assert not implies(None, parse({"type": ["a"]}))


@settings(max_examples=200, deadline=None)
@given(LISTS, LISTS, documents(VALUES))
def test_no_document_matches_two_that_are_disjoint(one: list[Any], other: list[Any], document: dict[str, Any]) -> None:
    first, second = parse({"type": one}), parse({"type": other, "data": {"a": [1, "x"]}})
    if are_disjoint(first, second):
        assert not (first.matches(document) and second.matches(document))


@pytest.mark.parametrize(
    ("one", "other", "proven"),
    [
        ({"type": ["a"]}, {"type": ["b", "c"]}, True),
        ({"type": ["a"]}, {"type": ["b", "a"]}, False),
        ({"type": ["a.b"]}, {"type": [{"prefix": "a."}]}, False),
        ({"type": [{"prefix": "a."}]}, {"type": [{"prefix": "b."}]}, True),
        ({"type": [{"prefix": "a."}]}, {"type": [{"suffix": "b."}]}, False),
        ({"type": [{"wildcard": "a.*"}]}, {"type": [{"prefix": {"equals-ignore-case": "B"}}]}, True),
        ({"type": [{"equals-ignore-case": "a"}]}, {"type": [{"equals-ignore-case": "b"}]}, True),
        ({"subject": [{"exists": False}]}, {"subject": [{"prefix": "a"}]}, True),
        ({"subject": [{"exists": False}]}, {"subject": [{"exists": False}, "a"]}, False),
        ({"source": ["a"], "type": ["x"]}, {"source": ["b"], "type": ["x"]}, True),
        ({"data": {"a": [1]}}, {"data": {"a": [2]}}, False),  # a list may have both
        ({"$or": [{"type": ["a"]}, {"type": ["b"]}]}, {"type": ["c"]}, True),
        ({"$or": [{"type": ["a"]}, {"source": ["b"]}]}, {"type": ["c"]}, False),
    ],
)
def test_what_is_proven_to_be_disjoint(one: dict[str, Any], other: dict[str, Any], proven: bool) -> None:
    assert are_disjoint(parse(one), parse(other)) is proven
    assert are_disjoint(parse(other), parse(one)) is proven
