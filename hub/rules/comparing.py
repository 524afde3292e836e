"""What two patterns prove of each other, field by field: that one takes everything the other does, or nothing of it.

All answers are sound, none is complete: True is proven for every document there can be, False says nothing. A field is
compared with the same field only, so that ``type: [{prefix: batch.}]`` is known to take what ``type: [batch.failed]``
takes, and two fields that always go together are not known to.
"""

from collections.abc import Sequence
from typing import Any

from hub.rules.conditions import Condition, Scalar, value_of
from hub.rules.covering import accepts_all, samples, share_nothing
from hub.rules.pattern import Pattern
from schemas.document import TEXT_FIELDS

_Conjunction = Sequence[Condition]


def implies(one: Pattern | None, other: Pattern | None) -> bool:
    """Whether ``other`` matches every document that ``one`` matches. None is the pattern that matches everything."""
    return all(any(_implies(given, wanted) for wanted in _alternatives(other)) for given in _alternatives(one))


def are_disjoint(one: Pattern | None, other: Pattern | None) -> bool:
    """Whether no document matches both."""
    return all(_are_disjoint(a, b) for a in _alternatives(one) for b in _alternatives(other))


def examples(pattern: Pattern | None) -> list[dict[str, Any]]:
    """A document for each alternative that fulfils its conditions, where one can be made. Every pattern that is implied
    matches it, so an index finds the few that are worth comparing.
    """
    made = (_example(conjunction) for conjunction in _alternatives(pattern))
    return [document for document in made if document is not None]


def _alternatives(pattern: Pattern | None) -> Sequence[_Conjunction]:
    return ((),) if pattern is None else pattern.alternatives


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
        and all(wide.accepts(value_of(literal)) for literal in narrow.literals)
        and all(accepts_all(wide, operator) for operator in narrow.operators)
    )


def _same_fields(path: tuple[str, ...], given: _Conjunction, wanted: _Conjunction) -> bool:
    """``exists: false`` asks about the list element that the other conditions chose, so they must be about the same."""
    return len(path) == 1 or (
        {each.path for each in given if each.path[0] == path[0]}
        == {each.path for each in wanted if each.path[0] == path[0]}
    )


def _are_disjoint(one: _Conjunction, other: _Conjunction) -> bool:
    """Only fields that hold one text decide: of a list, one value may fulfil this condition and another one that."""
    return any(
        a.path == b.path and len(a.path) == 1 and a.path[0] in TEXT_FIELDS and _share_nothing(a, b)
        for a in one
        for b in other
    )


def _share_nothing(one: Condition, other: Condition) -> bool:
    return (
        not (one.absent and other.absent)
        and not any(other.accepts(value_of(literal)) for literal in one.literals)
        and not any(one.accepts(value_of(literal)) for literal in other.literals)
        and all(share_nothing(a, b) for a in one.operators for b in other.operators)
    )


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
        return value_of(next(iter(condition.literals)))
    tried = (value for operator in condition.operators for value in samples(operator))
    return next((value for value in tried if condition.accepts(value)), _NOTHING)


def _put(document: dict[str, Any], path: tuple[str, ...], value: Scalar) -> bool:
    """Whether there was a place for it."""
    place = document
    for part in path[:-1]:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            return False
        place = inner
    return place.setdefault(path[-1], value) is value
