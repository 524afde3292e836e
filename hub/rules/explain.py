"""Why a pattern does not match: the first condition that failed, and what was there instead."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hub.rules.conditions import Condition, Scalar
from hub.rules.fields import Fields, FieldTree
from hub.rules.pattern import Pattern

_SHOWN = 200
"""Characters of a value in a message."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """``path`` is the field, ``expected`` and ``actual`` are compact JSON or a few words; both are bounded."""

    path: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, got {self.actual}"


def explain(pattern: Pattern, document: Mapping[str, Any]) -> Mismatch | None:
    """The first condition, in the order written, that the document fails; None if it matches. Never raises.

    ``exists: false`` is blamed last, since which list element it asks about depends on the other conditions. Of the
    alternatives of ``$or`` the one that gets furthest is explained.
    """
    if pattern.matches(document):
        return None
    failed = [_first_failed(conditions, document) for conditions in pattern.alternatives]
    _, condition = max(failed, key=lambda each: each[0])  # the first of those that get equally far
    mismatch = _mismatch(condition, document)
    if all(condition in each for each in pattern.alternatives):
        return mismatch
    return replace(mismatch, expected=f"{mismatch.expected}, or another alternative of `$or`")


def _first_failed(conditions: Sequence[Condition], document: Mapping[str, Any]) -> tuple[int, Condition]:
    ordered = sorted(conditions, key=lambda condition: condition.absent)
    first = next(i for i in range(len(ordered)) if not Pattern([ordered[: i + 1]]).matches(document))
    return first, ordered[first]


def _mismatch(condition: Condition, document: Mapping[str, Any]) -> Mismatch:
    values = _values(condition.path, document)
    expected = _json(condition.written)
    if Pattern([[condition]]).matches(document):
        expected += " in the same list element as the conditions before it"
    return Mismatch(condition.field, expected, _show(values))


def _values(path: tuple[str, ...], document: Mapping[str, Any]) -> list[Scalar]:
    tree = FieldTree()
    tree.add(path)
    return Fields(tree, document).under(path[0]).get(".".join(path), [])


def _show(values: Sequence[Scalar]) -> str:
    match values:
        case []:
            return "no value"
        case [value]:
            return _json(value)
        case _:
            return f"the values {_json(values)}"


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
