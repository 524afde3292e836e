"""Which of many numeric ranges contain a number, without asking each."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Generic, Protocol, TypeVar

from hub.rules.conditions import Range

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
_REPEATS = 8
"""How often a range may be noted on average before a tree is smaller."""


class Stabbing(Protocol[T_co]):
    def containing(self, number: float) -> Iterable[T_co]:
        """What belongs to each range that accepts the number, in no order."""


def intervals(ranges: Sequence[tuple[Range, T]]) -> Stabbing[T]:
    """The better of the two for these ranges."""
    return Cuts.of(ranges) or Tree(ranges)


class Cuts(Generic[T]):
    """The line, cut at every end of a range into points and the gaps between them, each with its answers: asking is one
    binary search. Good for ranges that hardly overlap; where many do, every piece would repeat them.
    """

    def __init__(self, cuts: Sequence[float], answers: Sequence[tuple[T, ...]]) -> None:
        self._cuts = _compact(cuts)
        self._answers = answers

    @classmethod
    def of(cls, ranges: Sequence[tuple[Range, T]]) -> Cuts[T] | None:
        """None if there would be too many answers to keep."""
        cuts = sorted({end for each, _ in ranges for end in (each.low, each.high) if math.isfinite(end)})
        answers: list[tuple[T, ...]] = [()] * (2 * len(cuts) + 1)
        left = _REPEATS * max(len(ranges), _REPEATS)
        for each, item in ranges:
            pieces = _pieces_of(each, cuts)
            left -= len(pieces)
            if left < 0:
                return None
            for piece in pieces:
                answers[piece] = (*answers[piece], item)
        return cls(cuts, answers)

    def containing(self, number: int | float) -> Iterable[T]:  # noqa: PYI041  # mypy would take every int for a float
        if isinstance(number, float) and math.isnan(number):
            return ()
        at = bisect_left(self._cuts, number)
        return self._answers[2 * at + (at < len(self._cuts) and self._cuts[at] == number)]


def _compact(cuts: Sequence[float]) -> Sequence[float]:
    """Without an object for each: a search in many would wait for memory at every step."""
    try:
        compact = array("d", cuts)
    except OverflowError:
        return cuts
    return compact if all(one == other for one, other in zip(compact, cuts, strict=True)) else cuts


def _pieces_of(each: Range, cuts: Sequence[float]) -> range:
    """Piece 2i+1 is the point at cut i, and 2i the gap before it."""
    first = 2 * bisect_left(cuts, each.low) + 1 + each.low_open if math.isfinite(each.low) else 0
    last = 2 * bisect_left(cuts, each.high) + 1 - each.high_open if math.isfinite(each.high) else 2 * len(cuts)
    return range(first, last + 1)


@dataclass(frozen=True, slots=True)
class _Node(Generic[T]):
    """The ranges around one number, by both ends; those wholly below and wholly above it are elsewhere."""

    center: float
    by_low: list[tuple[Range, T]]
    by_high: list[tuple[Range, T]]
    below: _Node[T] | None
    above: _Node[T] | None


class Tree(Generic[T]):
    """A centered interval tree: built in O(n log n), asked in O(log n + answers), whatever overlaps."""

    def __init__(self, ranges: Iterable[tuple[Range, T]]) -> None:
        self._root = _node(list(ranges))

    def containing(self, number: float) -> Iterator[T]:
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
