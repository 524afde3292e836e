"""Which of many numeric ranges contain a number, without asking each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median_low
from typing import Generic, TypeVar

from hub.rules.conditions import Range

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Node(Generic[T]):
    """The ranges around one number, by both ends; those wholly below and wholly above it are elsewhere."""

    center: float
    by_low: list[tuple[Range, T]]
    by_high: list[tuple[Range, T]]
    below: _Node[T] | None
    above: _Node[T] | None


class Intervals(Generic[T]):
    """A centered interval tree: built in O(n log n), asked in O(log n + answers)."""

    def __init__(self, ranges: Iterable[tuple[Range, T]]) -> None:
        self._root = _node(list(ranges))

    def containing(self, number: float) -> Iterator[T]:
        """What belongs to each range that accepts the number, in no order."""
        node = self._root
        while node is not None:
            if number < node.center:
                for candidate, item in node.by_low:
                    if candidate.low > number:
                        break
                    if candidate.accepts(number):
                        yield item
                node = node.below
            else:
                for candidate, item in node.by_high:
                    if candidate.high < number:
                        break
                    if candidate.accepts(number):
                        yield item
                node = node.above


def _node(ranges: list[tuple[Range, T]]) -> _Node[T] | None:
    if not ranges:
        return None
    ends = [end for each, _ in ranges for end in (each.low, each.high) if math.isfinite(end)]
    center = median_low(ends)  # an end of a range, so that every node keeps at least one
    return _Node(
        center,
        sorted((entry for entry in ranges if _around(entry[0], center)), key=lambda entry: entry[0].low),
        sorted((entry for entry in ranges if _around(entry[0], center)), key=lambda entry: -entry[0].high),
        _node([entry for entry in ranges if entry[0].high < center]),
        _node([entry for entry in ranges if entry[0].low > center]),
    )


def _around(each: Range, center: float) -> bool:
    return each.low <= center <= each.high
