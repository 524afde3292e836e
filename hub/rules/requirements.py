"""The ways to fulfil a condition that the index can look up by the value that is there."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from hub.rules.conditions import (
    AnythingBut,
    Condition,
    EqualsIgnoreCase,
    NoneOf,
    Operator,
    Prefix,
    Present,
    Range,
    Scalar,
    Suffix,
)
from hub.rules.networks import Network
from hub.rules.wildcards import Wildcard


@dataclass(frozen=True, slots=True)
class Contains:
    """A piece of a wildcard."""

    text: str


@dataclass(frozen=True, slots=True)
class Absent:
    """``exists: false``: there is no value."""


Requirement = (
    Hashable | Prefix | Suffix | EqualsIgnoreCase | Contains | Range | Network | Present | AnythingBut | NoneOf | Absent
)
"""The identity of a literal, or an operator."""

WEAK = (AnythingBut, NoneOf, Absent)
"""What nearly every value fulfils: that routes differ in it tells them apart for hardly any event."""
_PIECES_AT_MOST = 4
"""Pieces of one wildcard it is filed under, one below the other."""


class Check:
    """A condition, made ready: memory is what it costs to ask one of very many."""

    __slots__ = ("_accepts_if_absent", "_asked", "condition", "field", "top")

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        self.top = condition.path[0]
        self.field = condition.field
        self._accepts_if_absent = condition.absent
        one = len(condition.operators) == 1 and not condition.literals
        self._asked: Condition | Operator = condition.operators[0] if one else condition

    def fulfilled(self, values: Sequence[Scalar]) -> bool:
        """By one of the field's values, or by there being none. Only where no list of objects is on the way."""
        accepts = self._asked.accepts
        for value in values:
            if accepts(value):
                return True
        return self._accepts_if_absent and not values


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Something a conjunction can be filed under: whatever fulfils the check fulfils one of the requirements. If
    ``exact``, what fulfils one of them fulfils the check.
    """

    check: Check
    requirements: tuple[Requirement, ...]
    exact: bool


def choices(check: Check) -> list[Choice]:
    """One choice, or those of a single wildcard, all of whose fragments must be there."""
    condition = check.condition
    if not condition.literals and not condition.absent and len(condition.operators) == 1:
        only = condition.operators[0]
        if isinstance(only, Wildcard):
            return [Choice(check, (piece,), exact=False) for piece in _pieces(only)]
    ways: list[Requirement] = [*condition.literals, *map(_most_telling, condition.operators)]
    if condition.absent:
        ways.append(Absent())
    exact = not any(isinstance(operator, Wildcard) for operator in condition.operators)
    return [Choice(check, tuple(dict.fromkeys(ways)), exact)]


def _most_telling(operator: Operator) -> Requirement:
    return _pieces(operator)[0] if isinstance(operator, Wildcard) else operator


def _pieces(wildcard: Wildcard) -> Sequence[Requirement]:
    """The longest first."""
    first, *rest = wildcard.fragments
    if not rest:
        return [first]
    *inner, last = rest
    found: list[Prefix | Suffix | Contains] = [Prefix(first)]  # also where it is empty: only a text has one
    found += [Suffix(last)] if last else []
    found += map(Contains, dict.fromkeys(inner))
    return sorted(found, key=lambda piece: -len(piece.text))[:_PIECES_AT_MOST]
