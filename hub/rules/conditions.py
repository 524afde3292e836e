"""What a pattern asks of one field, and the operators it can use.

Values are JSON scalars. Numbers compare by value (1 is 1.0), and ``true`` is no number, so values are compared by
``identity`` throughout.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from hub.rules.networks import Network
from hub.rules.wildcards import Wildcard

Scalar = Any
"""A JSON string, number, boolean or null."""


def identity(value: Scalar) -> Hashable:
    """Equal exactly where JSON values are equal. Python alone takes True for 1."""
    return (value,) if value is True or value is False else value


def value_of(found: Hashable) -> Scalar:
    """Undo `identity`."""
    return found[0] if isinstance(found, tuple) else found


def folded(text: str) -> str:
    """Equal for texts that differ only in case: Unicode's full case folding, which also makes one of ``ß`` and ``ss``.

    It folds each character by itself, so that what a text begins or ends with stays its beginning or end.
    """
    return text.casefold()


@dataclass(frozen=True, slots=True)
class Prefix:
    """With ``ignore_case`` the text is folded."""

    text: str
    ignore_case: bool = False

    def accepts(self, value: Scalar) -> bool:
        return isinstance(value, str) and (folded(value) if self.ignore_case else value).startswith(self.text)


@dataclass(frozen=True, slots=True)
class Suffix:
    """With ``ignore_case`` the text is folded."""

    text: str
    ignore_case: bool = False

    def accepts(self, value: Scalar) -> bool:
        return isinstance(value, str) and (folded(value) if self.ignore_case else value).endswith(self.text)


@dataclass(frozen=True, slots=True)
class EqualsIgnoreCase:
    """The text is folded."""

    text: str

    def accepts(self, value: Scalar) -> bool:
        return isinstance(value, str) and folded(value) == self.text


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from ``low`` to ``high``; an open end does not contain its bound. Whole numbers compare exactly."""

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
class NoneOf:
    """Every value that is there, of whatever type, except those that one of these operators accepts."""

    operators: tuple[Prefix | Suffix | EqualsIgnoreCase | Wildcard, ...]

    def accepts(self, value: Scalar) -> bool:
        return not any(operator.accepts(value) for operator in self.operators)


@dataclass(frozen=True, slots=True)
class Present:
    """``exists: true``. A null is there; an object, an empty list or nothing is not."""

    def accepts(self, value: Scalar) -> bool:  # noqa: ARG002  # the same question to every operator
        return True


Operator = Prefix | Suffix | EqualsIgnoreCase | Wildcard | Range | Network | AnythingBut | NoneOf | Present


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

    @property
    def field(self) -> str:
        return ".".join(self.path)

    @property
    def asks(self) -> Hashable:
        """Equal for conditions that ask the same."""
        return self.path, self.literals, frozenset(self.operators), self.absent
