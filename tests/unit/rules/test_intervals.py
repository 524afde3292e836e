import random

import pytest

from hub.rules.conditions import Range
from hub.rules.fields import Fields, FieldTree
from hub.rules.intervals import Intervals

RANGES = [
    Range(0, 10),
    Range(0, 10, low_open=True),
    Range(0, 10, high_open=True),
    Range(5, 5),
    Range(high=3),
    Range(low=8, low_open=True),
    Range(20, 30),
    Range(-7, -2),
]


@pytest.mark.parametrize(
    "number", [-8, -7, -2, -1, 0, 1, 3, 5, 8, 9, 10, 11, 15, 20, 25, 30, 31, 10**400, float("nan")]
)
def test_exactly_the_ranges_around_a_number_are_found(number: float) -> None:
    found = list(Intervals(enumerated(RANGES)).containing(number))
    assert sorted(found) == [i for i, each in enumerate(RANGES) if each.accepts(number)]


def test_thousands_of_ranges_agree_with_asking_each() -> None:
    chance = random.Random(7)  # noqa: S311  # a repeatable choice of test data
    ranges = [Range(low := chance.randint(0, 1000), low + chance.randint(1, 50)) for _ in range(2000)]
    intervals = Intervals(enumerated(ranges))
    for number in range(-1, 1052):
        assert sorted(intervals.containing(number)) == [i for i, each in enumerate(ranges) if each.accepts(number)]


def test_no_ranges_contain_nothing() -> None:
    assert list(Intervals[int]([]).containing(1)) == []


def test_a_field_that_is_not_there_has_no_values() -> None:
    tree = FieldTree()
    tree.add(["data", "a", "b"])
    assert Fields(tree, {}).under("data") == {}
    assert Fields(tree, {"data": "text"}).under("data") == {}
    assert Fields(tree, {"data": {"a": ["text", 1]}}).under("data") == {}
    assert Fields(tree, {"data": [{"a.b": 1}, {"a": {"b": [2]}}, {"a.c": 3}]}).under("data") == {"data.a.b": [2, 1]}


def enumerated(ranges: list[Range]) -> list[tuple[Range, int]]:
    return [(each, i) for i, each in enumerate(ranges)]
