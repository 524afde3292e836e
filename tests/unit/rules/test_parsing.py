from datetime import date
from typing import Any

import pytest

from hub.rules import InvalidPatternError, Pattern, parse
from hub.rules.cost import MAX_COMBINATIONS, MAX_COST
from hub.rules.parsing import MAX_CONDITIONS, MAX_DEPTH, MAX_VALUES


def nested(depth: int) -> dict[str, Any]:
    """A pattern whose only condition is that many keys deep."""
    inner: dict[str, Any] = {"x": [1]}
    for _ in range(depth - 2):
        inner = {"x": inner}
    return {"data": inner}


def alternatives(count: int, times: int) -> dict[str, Any]:
    """``$or`` with so many alternatives, in so many places."""
    return {"data": {f"part{n}": {"$or": [{f"f{i}": [i]} for i in range(count)]} for n in range(times)}}


def deep_alternatives(depth: int) -> dict[str, Any]:
    """One ``$or`` in another."""
    pattern: dict[str, Any] = {"type": ["a"]}
    for _ in range(depth):
        pattern = {"$or": [pattern, {"id": ["b"]}]}
    return pattern


WIDE = {"body": {f"f{i}": [1] for i in range(10)}}

REFUSED: list[tuple[object, tuple[str | int, ...], str]] = [
    ("batch.failed", (), "expected fields and what they may be, like `type: [batch.failed]`, got batch.failed"),
    ({}, (), "leave `when` out to match every event"),
    ({"metadata": {}}, ("metadata",), "leave `when` out"),
    ({"tpye": ["x"]}, ("tpye",), "did you mean `type`?"),
    ({"detail": ["x"]}, ("detail",), "did you mean `data`?"),
    ({"queue": ["x"]}, ("queue",), "expected one of source, endpoint, type"),
    ({"type": "batch.failed"}, ("type",), "expected a list of values; write [batch.failed]"),
    ({"data": {"n": 5}}, ("data", "n"), "write [5]"),
    ({"data": {"n": None}}, ("data", "n"), "write [null]"),
    ({"type": []}, ("type",), "an empty list matches nothing"),
    ({"type": [["a"]]}, ("type", 0), "a list inside the list"),
    ({"type": {"x": ["a"]}}, ("type",), "`type` is text and has nothing inside"),
    ({"type.x": ["a"]}, ("type.x",), "`type` is text and has nothing inside"),
    ({"data": {1: ["a"]}}, ("data", "1"), 'write it in quotes: "1"'),
    ({"data": {"a": {"b": [1]}, "a.b": [2]}}, ("data", "a.b"), "given twice"),
    ({"time": [date(2026, 1, 2)]}, ("time", 0), 'got "2026-01-02"; quote it if text is meant'),
    ({"data": {"n": [float("inf")]}}, ("data", "n", 0), "expected text, a number"),
    ({"type": [{}]}, ("type", 0), "exactly one operator per entry, got 0"),
    ({"type": [{"prefix": "a", "suffix": "b"}]}, ("type", 0), "exactly one operator per entry, got 2"),
    ({"type": [{"prefx": "a"}]}, ("type", 0, "prefx"), "did you mean `prefix`?"),
    ({"type": [{"contains": "a"}]}, ("type", 0, "contains"), "expected one of prefix, suffix, equals-ignore-case"),
    (
        {"type": [{"wildcard": "a**b"}]},
        ("type", 0, "wildcard"),
        r"two stars in a row say what one says; write *, or \*",
    ),
    ({"type": [{"wildcard": r"a\b"}]}, ("type", 0, "wildcard"), "a backslash stands before * or another"),
    ({"type": [{"wildcard": "a\\"}]}, ("type", 0, "wildcard"), "not before the end"),
    ({"type": [{"wildcard": 5}]}, ("type", 0, "wildcard"), "expected text, got 5"),
    ({"type": [{"prefix": {"suffix": "a"}}]}, ("type", 0, "prefix", "suffix"), "expected text, or equals-ignore-case"),
    ({"type": [{"prefix": {"equals-ignore-case": 1}}]}, ("type", 0, "prefix", "equals-ignore-case"), "expected text"),
    ({"type": [{"cidr": "10.0.0.0/33"}]}, ("type", 0, "cidr"), "expected a network, like 10.0.0.0/8"),
    ({"type": [{"cidr": "10.0.0.1"}]}, ("type", 0, "cidr"), "got 10.0.0.1"),
    ({"$or": {"type": ["a"]}}, ("$or",), "`$or` is a list of alternatives; write [{type: [a]}, {source: [b]}]"),
    ({"$or": [{"type": ["a"]}]}, ("$or",), "needs at least two alternatives"),
    ({"data": {"$or": [{"a": [1]}, ["b"]]}}, ("data", "$or", 1), "expected fields and what they may be"),
    ({"data": {"$or": [{"a": [1]}, {}]}}, ("data", "$or", 1), "an empty pattern says nothing"),
    ({"data": {"$or": [{"a": [1]}, {"b": 2}]}}, ("data", "$or", 1, "b"), "write [2]"),
    ({"data": {"$or": [{"a": [1]}, {"prefix": "b"}]}}, ("data", "$or", 1, "prefix"), "`prefix` is an operator; name"),
    ({"$or": [{"type": ["a"]}, {"tpye": ["b"]}]}, ("$or", 1, "tpye"), "did you mean `type`?"),
    ({"type": ["a"], "$or": [{"type": ["b"]}, {"id": ["c"]}]}, ("$or",), "given twice, outside of `$or` and in it"),
    ({"type": [{"prefix": 5}]}, ("type", 0, "prefix"), "expected text, got 5"),
    ({"type": [{"suffix": None}]}, ("type", 0, "suffix"), "expected text, got null"),
    ({"type": [{"exists": "yes"}]}, ("type", 0, "exists"), "expected true or false, got yes"),
    ({"type": [{"anything-but": []}]}, ("type", 0, "anything-but"), "write `exists: true`"),
    ({"type": [{"anything-but": ["a", 1]}]}, ("type", 0, "anything-but"), "only text or only numbers"),
    ({"type": [{"anything-but": [True]}]}, ("type", 0, "anything-but"), "only text or only numbers"),
    ({"type": [{"anything-but": {"numeric": 1}}]}, ("type", 0, "anything-but", "numeric"), "cannot stand in anything"),
    ({"type": [{"anything-but": {"prefix": []}}]}, ("type", 0, "anything-but", "prefix"), "write `exists: true`"),
    (
        {"type": [{"anything-but": {"suffix": ["a", 1]}}]},
        ("type", 0, "anything-but", "suffix", 1),
        "expected text, got",
    ),
    ({"type": [{"anything-but": {"prefix": "a", "suffix": "b"}}]}, ("type", 0, "anything-but"), "exactly one operator"),
    ({"data": {"n": [{"numeric": 5}]}}, ("data", "n", 0, "numeric"), 'write ["=", 5]'),
    ({"data": {"n": [{"numeric": ["<"]}]}}, ("data", "n", 0, "numeric"), "expected comparisons and numbers"),
    ({"data": {"n": [{"numeric": ["<", "5"]}]}}, ("data", "n", 0, "numeric", 1), "expected a number, got 5"),
    ({"data": {"n": [{"numeric": ["<", True]}]}}, ("data", "n", 0, "numeric", 1), "expected a number, got true"),
    ({"data": {"n": [{"numeric": ["!=", 5]}]}}, ("data", "n", 0, "numeric"), "expected =, or > or >="),
    ({"data": {"n": [{"numeric": ["<", 5, ">", 3]}]}}, ("data", "n", 0, "numeric"), "and then < or <="),
    ({"data": {"n": [{"numeric": [">", 5, "<", 3]}]}}, ("data", "n", 0, "numeric"), "nothing lies between 5 and 3"),
    (alternatives(11, 3), (), "its `$or` multiply to 1,331 combinations, at most 1,000 are allowed"),
    (
        {"id": [{"wildcard": "*a" * 100}] * 100},
        (),
        "costs 10,101, at most 10,000 is allowed: one for each condition, each operator and each fragment between",
    ),
    ({**alternatives(10, 3), **WIDE}, (), "costs 13,000 in 1,000 combinations of `$or`, at most 10,000 is allowed"),
    (deep_alternatives(100), ("$or", 0) * (MAX_DEPTH + 1), f"nested deeper than {MAX_DEPTH} keys and `$or`"),
    (nested(MAX_DEPTH + 1), ("data", *["x"] * MAX_DEPTH), f"nested deeper than {MAX_DEPTH} keys"),
    ({"id": ["x"] * (MAX_VALUES + 1)}, ("id",), f"more than {MAX_VALUES} values"),
    (
        {"data": {f"f{i}": [1] for i in range(MAX_CONDITIONS + 1)}},
        ("data", f"f{MAX_CONDITIONS}"),
        f"more than {MAX_CONDITIONS} fields",
    ),
]


@pytest.mark.parametrize(("pattern", "path", "reason"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_mistake_is_refused_with_its_place_and_what_to_write(
    pattern: object, path: tuple[str | int, ...], reason: str
) -> None:
    with pytest.raises(InvalidPatternError) as refused:
        parse(pattern)
    assert refused.value.path == path
    assert reason in refused.value.reason


def test_the_message_leads_to_the_place() -> None:
    with pytest.raises(InvalidPatternError, match=r"^data\.n\[1\]\.numeric\[3\]: expected a number, got x$"):
        parse({"data": {"n": [1, {"numeric": [">", 1, "<", "x"]}]}})


def test_the_subclasses_that_yaml_loaders_make_are_plain_values_inside() -> None:
    class Text(str):
        __slots__ = ()

    class Number(int):
        pass

    assert parse({"type": [Text("a")], "data.n": [Number(5)]}) == parse({"type": ["a"], "data.n": [5]})
    type_, number = parse({"type": [Text("a")], "data.n": [Number(5)]}).conditions
    assert {type(value) for value in (*type_.literals, *number.literals)} == {str, int}


def test_a_pattern_at_every_limit_is_accepted() -> None:
    wide = {"data": {f"f{i}": [1] for i in range(MAX_CONDITIONS - 1)}, "id": ["x"] * MAX_VALUES}
    assert isinstance(parse(wide), Pattern)
    assert isinstance(parse(nested(MAX_DEPTH)), Pattern)
    assert len(parse(alternatives(10, 3)).alternatives) == MAX_COMBINATIONS
    assert parse({"id": [{"wildcard": "*a" * 98}] * 101}).cost == MAX_COST


def test_the_price_counts_every_question_to_a_value() -> None:
    assert parse({"type": ["a", "b", "c"]}).cost == 1
    assert parse({"type": ["a", {"prefix": "b"}, {"exists": False}], "data.n": [{"numeric": [">", 1]}]}).cost == 4
    assert parse({"type": [{"anything-but": {"wildcard": ["a*b*c", "*"]}}]}).cost == 6
    assert parse({"type": ["a"], "$or": [{"id": ["b"]}, {"id": ["c"]}]}).cost == 4
