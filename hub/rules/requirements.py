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


@dataclass(frozen=True, slots=True)
class Choice:
    """Something a conjunction can be filed under: whatever fulfils it fulfils one of the requirements."""

    top: str
    field: str
    requirements: tuple[Requirement, ...]


def choices(condition: Condition) -> list[Choice]:
    """What must be true of a field: one choice, or those of a single wildcard, all of whose fragments must be there."""
    top, field = condition.path[0], condition.field
    if not condition.literals and not condition.absent and len(condition.operators) == 1:
        only = condition.operators[0]
        pieces = _pieces(only) if isinstance(only, Wildcard) else [only]
        return [Choice(top, field, (piece,)) for piece in pieces]
    ways: list[Requirement] = [*condition.literals, *map(_most_telling, condition.operators)]
    if condition.absent:
        ways.append(Absent())
    return [Choice(top, field, tuple(dict.fromkeys(ways)))]


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
