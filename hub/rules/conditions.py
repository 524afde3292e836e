"""What a pattern asks of one field, and the operators it can use.

Values are JSON scalars. Numbers compare by value (1 is 1.0), and ``true`` is no number, so values are compared by
``identity`` throughout.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

Scalar = Any
"""A JSON string, number, boolean or null."""


def identity(value: Scalar) -> Hashable:
    """Equal exactly where JSON values are equal. Python alone takes True for 1."""
    return (value,) if value is True or value is False else value


@dataclass(frozen=True, slots=True)
class Prefix:
    text: str

    def accepts(self, value: Scalar) -> bool:
        return isinstance(value, str) and value.startswith(self.text)


@dataclass(frozen=True, slots=True)
class Suffix:
    text: str

    def accepts(self, value: Scalar) -> bool:
        return isinstance(value, str) and value.endswith(self.text)


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from ``low`` to ``high``; an open end does not contain its bound."""

    low: float = float("-inf")
    high: float = float("inf")
    low_open: bool = False
    high_open: bool = False

    def accepts(self, value: Scalar) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        above = value > self.low if self.low_open else value >= self.low
        return above and (value < self.high if self.high_open else value <= self.high)


@dataclass(frozen=True, slots=True)
class AnythingBut:
    """Every value that is there, of whatever type, except these identities."""

    values: frozenset[Hashable]

    def accepts(self, value: Scalar) -> bool:
        return identity(value) not in self.values


@dataclass(frozen=True, slots=True)
class Present:
    """``exists: true``. A null is there; an object, an empty list or nothing is not."""

    def accepts(self, value: Scalar) -> bool:  # noqa: ARG002  # the same question to every operator
        return True


Operator = Prefix | Suffix | Range | AnythingBut | Present


@dataclass(frozen=True, slots=True)
class Condition:
    """One field and the values it may have: any of ``literals`` (identities), or what any operator accepts.

    ``absent`` (``exists: false``) is fulfilled when the field has no value at all. ``written`` is the list as the
    author wrote it, for messages.
    """

    path: tuple[str, ...]
    literals: frozenset[Hashable]
    operators: tuple[Operator, ...]
    absent: bool
    written: tuple[Any, ...]

    def accepts(self, value: Scalar) -> bool:
        """Whether a value that is there fulfils the condition."""
        if identity(value) in self.literals:
            return True
        return any(operator.accepts(value) for operator in self.operators)
