from datetime import date
from typing import Any

import pytest

from hub.rules import InvalidPatternError, Pattern, parse
from hub.rules.parsing import MAX_CONDITIONS, MAX_DEPTH, MAX_VALUES


def nested(depth: int) -> dict[str, Any]:
    """A pattern whose only condition is that many keys deep."""
    inner: dict[str, Any] = {"x": [1]}
    for _ in range(depth - 2):
        inner = {"x": inner}
    return {"data": inner}


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
    ({"type": [{"contains": "a"}]}, ("type", 0, "contains"), "expected one of prefix, suffix, anything-but"),
    ({"type": [{"wildcard": "a*"}]}, ("type", 0, "wildcard"), "`wildcard` is not supported here; expected one of"),
    ({"type": [{"cidr": "10.0.0.0/8"}]}, ("type", 0, "cidr"), "`cidr` is not supported here"),
    ({"$or": [{"type": ["a"]}]}, ("$or",), "`$or` is not supported here; supported are values and prefix"),
    ({"type": [{"prefix": 5}]}, ("type", 0, "prefix"), "expected text, got 5"),
    ({"type": [{"suffix": None}]}, ("type", 0, "suffix"), "expected text, got null"),
    ({"type": [{"exists": "yes"}]}, ("type", 0, "exists"), "expected true or false, got yes"),
    ({"type": [{"anything-but": []}]}, ("type", 0, "anything-but"), "write `exists: true`"),
    ({"type": [{"anything-but": ["a", 1]}]}, ("type", 0, "anything-but"), "only text or only numbers"),
    ({"type": [{"anything-but": [True]}]}, ("type", 0, "anything-but"), "only text or only numbers"),
    ({"type": [{"anything-but": {"prefix": "a"}}]}, ("type", 0, "anything-but"), "is not supported; write values"),
    ({"data": {"n": [{"numeric": 5}]}}, ("data", "n", 0, "numeric"), 'write ["=", 5]'),
    ({"data": {"n": [{"numeric": ["<"]}]}}, ("data", "n", 0, "numeric"), "expected comparisons and numbers"),
    ({"data": {"n": [{"numeric": ["<", "5"]}]}}, ("data", "n", 0, "numeric", 1), "expected a number, got 5"),
    ({"data": {"n": [{"numeric": ["<", True]}]}}, ("data", "n", 0, "numeric", 1), "expected a number, got true"),
    ({"data": {"n": [{"numeric": ["!=", 5]}]}}, ("data", "n", 0, "numeric"), "expected =, or > or >="),
    ({"data": {"n": [{"numeric": ["<", 5, ">", 3]}]}}, ("data", "n", 0, "numeric"), "and then < or <="),
    ({"data": {"n": [{"numeric": [">", 5, "<", 3]}]}}, ("data", "n", 0, "numeric"), "nothing lies between 5 and 3"),
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
    (type_, number) = parse({"type": [Text("a")], "data.n": [Number(5)]}).conditions
    assert {type(value) for value in (*type_.literals, *number.literals)} == {str, int}


def test_a_pattern_at_every_limit_is_accepted() -> None:
    wide = {"data": {f"f{i}": [1] for i in range(MAX_CONDITIONS - 1)}, "id": ["x"] * MAX_VALUES}
    assert isinstance(parse(wide), Pattern)
    assert isinstance(parse(nested(MAX_DEPTH)), Pattern)
