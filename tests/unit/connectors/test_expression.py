"""Expressions of the configuration: wrong ones are told at load, no body makes a right one fail."""

from typing import Any

import jmespath
import pytest
from pydantic import BaseModel, ValidationError

from connectors.api import Expression


class Config(BaseModel):
    where: Expression


@pytest.mark.parametrize(
    ("expression", "value", "found"),
    [
        ("a.b", {"a": {"b": 1}}, 1),
        ("a.b", {"a": []}, None),
        ("a.b", None, None),
        ("items[?kind=='x'].id | [0]", {"items": [{"kind": "y", "id": 1}, {"kind": "x", "id": 2}]}, 2),
        ("to_number(a)", {"a": "x"}, None),
        ("join(',', a)", {"a": 5}, None),  # a function that refuses its argument
        ("abs(a)", {"a": "x"}, None),
    ],
)
def test_what_does_not_apply_finds_nothing(expression: str, value: Any, found: Any) -> None:
    assert Expression(expression).find(value) == found


@pytest.mark.parametrize("path", ["a", "a.b", "a.b.c", "_x.y1"])
@pytest.mark.parametrize("value", [None, 7, [], {}, {"a": 1}, {"a": {"b": {"c": 0}}}, {"a": [{"b": 1}]}, {"a": "b"}])
def test_a_plain_path_finds_what_jmespath_finds(path: str, value: Any) -> None:
    assert Expression(path).find(value) == jmespath.search(path, value)


def test_a_body_nested_deeper_than_the_stack_finds_nothing_or_something_but_never_fails() -> None:
    value: Any = {}
    for _ in range(900):
        value = {"a": value}
    assert Expression("*.*").find(value) is not None


@pytest.mark.parametrize("wrong", ["", "`text`", "a..b", "a[", "unknown(", 7, None, ["a"]])
def test_what_is_no_expression_is_reported_at_load(wrong: object) -> None:
    with pytest.raises(ValidationError, match="not a JMESPath expression"):
        Config.model_validate({"where": wrong})


def test_only_a_plain_path_names_a_place() -> None:
    assert Expression("data.order_id").path == ("data", "order_id")
    assert Expression("data[0].id").path is None
    assert Expression("length(data)").path is None
