"""What two patterns prove of each other, field by field: that one takes everything the other does, or nothing at all.

All answers are sound, none is complete: True is proven for every document there can be, False says nothing. A field is
compared with the same field only, so that ``type: [{prefix: batch.}]`` is known to take what ``type: [batch.failed]``
takes, and two fields that always go together are not known to.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from hub.rules.conditions import AnythingBut, Condition, Operator, Prefix, Present, Range, Scalar, Suffix
from hub.rules.pattern import Pattern

_ONE_TEXT = frozenset({"source", "endpoint", "type", "id", "subject", "time"})
"""Top-level fields that hold one text: two conditions on one of them are about the same value."""

_Conjunction = Sequence[Condition]


def implies(one: Pattern | None, other: Pattern | None) -> bool:
    """Whether ``other`` matches every document that ``one`` matches. None is the pattern that matches everything."""
    return all(
        _is_impossible(given) or any(_implies(given, wanted) for wanted in alternatives(other))
        for given in alternatives(one)
    )


def is_impossible(pattern: Pattern | None) -> bool:
    """Whether no document matches."""
    return all(_is_impossible(conjunction) for conjunction in alternatives(pattern))


def alternatives(pattern: Pattern | None) -> Sequence[_Conjunction]:
    """A pattern as alternatives, each of conditions that must all be fulfilled."""
    return ((),) if pattern is None else (pattern.conditions,)


def examples(pattern: Pattern | None) -> list[dict[str, Any]]:
    """A document for each alternative that fulfils its conditions, where one can be made. Every pattern that is implied
    matches it, so an index finds the few that are worth comparing.
    """
    made = (_example(conjunction) for conjunction in alternatives(pattern))
    return [document for document in made if document is not None]


def _accepts_everything(condition: Condition, operator: Operator) -> bool:
    """Whether a condition accepts every value that an operator accepts."""
    if isinstance(operator, Range) and operator.low == operator.high:
        return condition.accepts(operator.low)
    return any(_contains(each, operator) for each in condition.operators) or (
        isinstance(operator, Prefix | Suffix | Range | AnythingBut) and _excludes_none(condition, operator.accepts)
    )


def _implies(given: _Conjunction, wanted: _Conjunction) -> bool:
    return all(
        any(each.path == condition.path and _covers(condition, each) for each in given)
        and (not condition.absent or _same_fields(condition.path, given, wanted))
        for condition in wanted
    )


def _covers(wide: Condition, narrow: Condition) -> bool:
    """Whether ``wide`` is fulfilled wherever ``narrow`` is."""
    return (
        (wide.absent or not narrow.absent)
        and all(wide.accepts(_value(literal)) for literal in narrow.literals)
        and all(_accepts_everything(wide, operator) for operator in narrow.operators)
    )


def _same_fields(path: tuple[str, ...], given: _Conjunction, wanted: _Conjunction) -> bool:
    """``exists: false`` asks about the list element that the other conditions chose, so they must be about the same."""
    return len(path) == 1 or (
        {each.path for each in given if each.path[0] == path[0]}
        == {each.path for each in wanted if each.path[0] == path[0]}
    )


def _excludes_none(condition: Condition, accepted: Callable[[Scalar], bool]) -> bool:
    """Whether some ``anything-but`` of a condition leaves out no accepted value that the rest does not take."""
    return any(
        isinstance(each, AnythingBut)
        and all(condition.accepts(_value(value)) for value in each.values if accepted(_value(value)))
        for each in condition.operators
    )


def _contains(wide: Operator, narrow: Operator) -> bool:
    match wide, narrow:
        case Present(), _:
            return True
        case Prefix(a), Prefix(b):
            return b.startswith(a)
        case Suffix(a), Suffix(b):
            return b.endswith(a)
        case Range(), Range():
            return _spans(wide, narrow)
        case _:
            return wide == narrow


def _spans(wide: Range, narrow: Range) -> bool:
    low = wide.low < narrow.low or (wide.low == narrow.low and (narrow.low_open or not wide.low_open))
    high = wide.high > narrow.high or (wide.high == narrow.high and (narrow.high_open or not wide.high_open))
    return low and high


def _is_impossible(conjunction: _Conjunction) -> bool:
    by_field: dict[str, list[Condition]] = defaultdict(list)
    for condition in conjunction:
        if len(condition.path) == 1 and condition.path[0] in _ONE_TEXT:
            by_field[condition.path[0]].append(condition)
    return any(
        _are_disjoint(one, other)
        for conditions in by_field.values()
        for position, one in enumerate(conditions)
        for other in conditions[:position]
    )


def _are_disjoint(one: Condition, other: Condition) -> bool:
    """Whether no text fulfils both, nor having none."""
    return (
        not (one.absent and other.absent)
        and not any(other.accepts(_value(literal)) for literal in one.literals)
        and not any(one.accepts(_value(literal)) for literal in other.literals)
        and all(_share_no_text(a, b) for a in one.operators for b in other.operators)
    )


def _share_no_text(one: Operator, other: Operator) -> bool:
    match one, other:
        case (Range(), _) | (_, Range()):
            return True
        case Prefix(a), Prefix(b):
            return not a.startswith(b) and not b.startswith(a)
        case Suffix(a), Suffix(b):
            return not a.endswith(b) and not b.endswith(a)
        case _:
            return False


def _example(conjunction: _Conjunction) -> dict[str, Any] | None:
    document: dict[str, Any] = {}
    for condition in conjunction:
        if condition.absent:
            continue
        value = _accepted(condition)
        if value is _NOTHING or not _put(document, condition.path, value):
            return None
    return document


_NOTHING = object()


def _accepted(condition: Condition) -> Scalar | object:
    """A value that fulfils a condition; _NOTHING where none is known."""
    if condition.literals:
        return _value(next(iter(condition.literals)))
    tried = (value for operator in condition.operators for value in _values_of(operator))
    return next((value for value in tried if condition.accepts(value)), _NOTHING)


def _values_of(operator: Operator) -> Iterable[Scalar]:
    match operator:
        case Prefix(text) | Suffix(text):
            return (text,)
        case Range(low=low, high=high):
            return (low, high, *_between(low, high))
        case AnythingBut(values):
            return (f"example {number}" for number in range(len(values) + 1))
        case _:
            return ("example",)


def _between(low: float, high: float) -> list[float]:
    with suppress(OverflowError):  # whole numbers may be larger than any float
        return [low + 1, high - 1, low + (high - low) / 2]
    return []


def _put(document: dict[str, Any], path: tuple[str, ...], value: Scalar) -> bool:
    """Whether there was a place for it."""
    place = document
    for part in path[:-1]:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            return False
        place = inner
    return place.setdefault(path[-1], value) is value


def _value(identity: Hashable) -> Scalar:
    """Undo `hub.rules.conditions.identity`."""
    return identity[0] if isinstance(identity, tuple) else identity
