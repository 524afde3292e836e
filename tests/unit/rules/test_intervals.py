import random
from collections.abc import Callable

import pytest

from hub.rules.conditions import Range
from hub.rules.fields import Fields, FieldTree
from hub.rules.intervals import Cuts, Stabbing, Tree, intervals

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


@pytest.mark.parametrize("made", [Cuts.of, Tree])
@pytest.mark.parametrize("number", [-8, -7, -2, -1, 0, 1, 3, 5, 8, 9, 10, 11, 15, 20, 25, 30, 31, 10**400])
def test_exactly_the_ranges_around_a_number_are_found(
    made: Callable[[list[tuple[Range, int]]], Stabbing[int]], number: float
) -> None:
    found = made(enumerated(RANGES)).containing(number)
    assert sorted(found) == [i for i, each in enumerate(RANGES) if each.accepts(number)]


@pytest.mark.parametrize(("width", "kind"), [(3, Cuts), (500, Tree)])
def test_thousands_of_ranges_agree_with_asking_each(width: int, kind: type[Stabbing[int]]) -> None:
    chance = random.Random(7)  # noqa: S311  # a repeatable choice of test data
    ranges = [Range(low := chance.randint(0, 2000), low + chance.randint(1, width)) for _ in range(2000)]
    found = intervals(enumerated(ranges))
    assert isinstance(found, kind)
    for number in range(-1, 2502):
        assert sorted(found.containing(number)) == [i for i, each in enumerate(ranges) if each.accepts(number)]


@pytest.mark.parametrize("made", [Cuts.of, Tree])
def test_no_ranges_contain_nothing(made: Callable[[list[tuple[Range, int]]], Stabbing[int]]) -> None:
    assert list(made([]).containing(1)) == []


def test_a_field_that_is_not_there_has_no_values() -> None:
    tree = FieldTree()
    tree.add(["data", "a", "b"])
    assert Fields(tree, {}).under("data") == {}
    assert Fields(tree, {"data": "text"}).under("data") == {}
    assert Fields(tree, {"data": {"a": ["text", 1]}}).under("data") == {}
    fields = Fields(tree, {"data": [{"a.b": 1}, {"a": {"b": [2]}}, {"a.c": 3}]})
    assert (fields.under("data"), fields.has_lists) == ({"data.a.b": [2, 1]}, True)


def enumerated(ranges: list[Range]) -> list[tuple[Range, int]]:
    return [(each, i) for i, each in enumerate(ranges)]
