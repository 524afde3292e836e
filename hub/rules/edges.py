"""The ways from one branch of the index to the next: which of many requirements on one field a value fulfils."""

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from hub.rules.conditions import Condition, Prefix, Present, Range, Scalar, Suffix, identity
from hub.rules.intervals import Intervals

T = TypeVar("T")
Requirement = Hashable | Prefix | Suffix | Range | Present
"""One way to fulfil a condition: the identity of a literal, or an operator that can be looked up."""


def requirements(condition: Condition) -> tuple[Requirement, ...] | None:
    """All ways to fulfil a condition; None if there is one that cannot be looked up by the value that is there.

    ``anything-but`` and ``exists: false`` cannot, and need not: they hold for nearly every event.
    """
    if condition.absent or not all(isinstance(each, Prefix | Suffix | Range | Present) for each in condition.operators):
        return None
    return (*condition.literals, *dict.fromkeys(condition.operators))


class Edges(Generic[T]):
    """A target for each requirement on one field. One lookup costs O(distinct lengths of prefixes and suffixes
    + log ranges + targets found), not O(requirements).
    """

    def __init__(self, targets: Mapping[Requirement, T]) -> None:
        self._literals: dict[Hashable, T] = {}
        self._prefixes: dict[int, dict[str, T]] = {}
        self._suffixes: dict[int, dict[str, T]] = {}
        self._present: list[T] = []
        ranges: list[tuple[Range, T]] = []
        for requirement, target in targets.items():
            match requirement:
                case Prefix(text):
                    self._prefixes.setdefault(len(text), {})[text] = target
                case Suffix(text):
                    self._suffixes.setdefault(len(text), {})[text] = target
                case Range():
                    ranges.append((requirement, target))
                case Present():
                    self._present.append(target)
                case _:
                    self._literals[requirement] = target
        self._ranges = Intervals(ranges) if ranges else None

    def follow(self, value: Scalar, into: list[T]) -> None:
        """Append the targets of every requirement that the value fulfils."""
        key = identity(value)
        if key in self._literals:
            into.append(self._literals[key])
        if self._present:
            into.extend(self._present)
        if isinstance(value, str):
            for length, texts in self._prefixes.items():
                if (target := texts.get(value[:length])) is not None:
                    into.append(target)
            for length, texts in self._suffixes.items():
                if (target := texts.get(value[max(0, len(value) - length) :])) is not None:
                    into.append(target)
        elif self._ranges is not None and isinstance(value, int | float) and not isinstance(value, bool):
            into.extend(self._ranges.containing(value))
