"""What is proven of two patterns holds for every document."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.rules import parse
from hub.rules.comparing import examples, implies, is_impossible
from tests.unit.rules.test_oracle import LISTS, PATTERNS, VALUES, documents


@settings(max_examples=400, deadline=None)
@given(PATTERNS, PATTERNS, documents(VALUES))
def test_a_pattern_that_is_implied_matches_what_the_other_matches(
    one: dict[str, Any], other: dict[str, Any], document: dict[str, Any]
) -> None:
    narrow, wide = parse(one), parse(other)
    if implies(narrow, wide) and narrow.matches(document):
        assert wide.matches(document)


@settings(max_examples=400, deadline=None)
@given(LISTS, LISTS, st.sampled_from(["type", "data.a", "data.a.b"]), documents(VALUES))
def test_so_does_one_that_differs_in_a_single_field(
    one: list[Any], other: list[Any], field: str, document: dict[str, Any]
) -> None:
    # random patterns seldom imply each other; those with one field often do
    narrow, wide = parse({field: one, "metadata": {"a": [1, "x"]}}), parse({field: other})
    if implies(narrow, wide) and narrow.matches(document):
        assert wide.matches(document)


@settings(max_examples=300, deadline=None)
@given(PATTERNS)
def test_every_pattern_implies_itself_and_the_pattern_of_everything(pattern: dict[str, Any]) -> None:
    assert implies(parse(pattern), parse(pattern))
    assert implies(parse(pattern), None)


@settings(max_examples=300, deadline=None)
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
    ],
)
def test_what_is_proven(narrow: dict[str, Any], wide: dict[str, Any], proven: bool) -> None:
    assert implies(parse(narrow), parse(wide)) is proven


def test_the_pattern_of_everything_implies_only_itself() -> None:
    assert implies(None, None)
    assert not implies(None, parse({"type": ["a"]}))


def test_one_pattern_with_one_list_per_field_is_never_proven_impossible() -> None:
    assert not is_impossible(parse({"type": ["a"], "data": {"a": [1]}}))
    assert not is_impossible(None)
