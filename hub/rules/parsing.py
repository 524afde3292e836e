"""From what an author wrote under ``when`` to a Pattern, or to an error that shows what to write instead."""

import json
import math
from collections.abc import Callable, Hashable, Mapping
from difflib import get_close_matches
from typing import Any

from hub.rules.conditions import AnythingBut, Condition, Operator, Prefix, Present, Range, Suffix, identity
from hub.rules.errors import InvalidPatternError, PathPart
from hub.rules.pattern import Pattern
from schemas.document import FIELDS

MAX_DEPTH = 32
"""Keys on the way to one condition."""
MAX_CONDITIONS = 64
"""Fields that one pattern asks about."""
MAX_VALUES = 10_000
"""Values in one list."""

_TEXT_FIELDS = frozenset({"source", "endpoint", "type", "id", "subject", "time"})
_KNOWN_ELSEWHERE = frozenset({"wildcard", "equals-ignore-case", "cidr", "$or"})
_Path = tuple[PathPart, ...]


def parse(pattern: object) -> Pattern:
    """Make a pattern from plain JSON or YAML values: a mapping of fields to lists of what is accepted.

    Raises InvalidPatternError at the first mistake.
    """
    if not isinstance(pattern, Mapping):
        raise InvalidPatternError(
            (), f"expected fields and what they may be, like `type: [batch.failed]`{_got(pattern)}"
        )
    conditions: dict[tuple[str, ...], Condition] = {}
    _collect(pattern, (), (), conditions)
    return Pattern(tuple(conditions.values()))


def _collect(
    fields: Mapping[Any, Any], written: _Path, path: tuple[str, ...], into: dict[tuple[str, ...], Condition]
) -> None:
    if not fields:
        raise InvalidPatternError(written, "an empty pattern says nothing; leave `when` out to match every event")
    for key, value in fields.items():
        here = (*written, key)
        if not isinstance(key, str):
            raise InvalidPatternError((*written, str(key)), f'a key is text; write it in quotes: "{key}"')
        parts = (*path, *key.split("."))
        _check_key(key, parts, here)
        if isinstance(value, Mapping):
            if parts[0] in _TEXT_FIELDS:
                raise InvalidPatternError(here, f"`{parts[0]}` is text and has nothing inside; write a list")
            _collect(value, here, parts, into)
        else:
            if parts in into:
                raise InvalidPatternError(
                    here, "given twice (dots and nesting mean the same); put all values in one list"
                )
            into[parts] = _condition(parts, value, here)
            if len(into) > MAX_CONDITIONS:
                raise InvalidPatternError(here, f"more than {MAX_CONDITIONS} fields in one pattern")


def _check_key(key: str, parts: tuple[str, ...], here: _Path) -> None:
    if key in _KNOWN_ELSEWHERE:
        raise InvalidPatternError(here, f"`{key}` is not supported here; {_SUPPORTED}")
    if parts[0] not in FIELDS:
        raise InvalidPatternError(here, f"no such field; {_did_you_mean(parts[0], FIELDS)}")
    if parts[0] in _TEXT_FIELDS and len(parts) > 1:
        raise InvalidPatternError(here, f"`{parts[0]}` is text and has nothing inside")
    if len(parts) > MAX_DEPTH:
        raise InvalidPatternError(here, f"nested deeper than {MAX_DEPTH} keys")


def _condition(parts: tuple[str, ...], values: Any, here: _Path) -> Condition:
    if not isinstance(values, list | tuple):
        raise InvalidPatternError(here, f"expected a list of values; write [{_shown(values)}]")
    if not values:
        raise InvalidPatternError(here, "an empty list matches nothing; name at least one value")
    if len(values) > MAX_VALUES:
        raise InvalidPatternError(here, f"more than {MAX_VALUES} values in one list")
    literals: set[Hashable] = set()
    operators: list[Operator] = []
    absent = False
    for position, value in enumerate(values):
        place = (*here, position)
        if not isinstance(value, Mapping):
            literals.add(identity(_literal(value, place)))
        elif (operator := _operator(value, place)) is None:
            absent = True
        else:
            operators.append(operator)
    return Condition(parts, frozenset(literals), tuple(operators), absent, tuple(values))


def _literal(value: Any, here: _Path) -> str | float | bool | None:
    """A string, number, boolean or null, freed of the subclasses that YAML loaders make."""
    match value:
        case None | bool():
            return value
        case str():
            return str(value)
        case int():
            return int(value)
        case float() if math.isfinite(value):
            return float(value)
        case list() | tuple():
            raise InvalidPatternError(here, "a list inside the list; write its values directly")
        case _:
            raise InvalidPatternError(
                here, f"expected text, a number, true, false or null{_got(value)}; quote it if text is meant"
            )


def _operator(written: Mapping[Any, Any], here: _Path) -> Operator | None:
    """The operator of ``{name: operand}``; None for ``exists: false``, which no value fulfils."""
    if len(written) != 1:
        raise InvalidPatternError(
            here, f"exactly one operator per entry, got {len(written)}; write them as separate entries"
        )
    name, operand = next(iter(written.items()))
    place = (*here, str(name))
    if name == "exists":
        if not isinstance(operand, bool):
            raise InvalidPatternError(place, f"expected true or false{_got(operand)}")
        return Present() if operand else None
    if name not in _OPERATORS:
        known = "not supported here" if name in _KNOWN_ELSEWHERE else "no operator"
        raise InvalidPatternError(place, f"`{name}` is {known}; {_did_you_mean(str(name), (*_OPERATORS, 'exists'))}")
    return _OPERATORS[name](operand, place)


def _prefix(operand: Any, here: _Path) -> Operator:
    return Prefix(_text(operand, here))


def _suffix(operand: Any, here: _Path) -> Operator:
    return Suffix(_text(operand, here))


def _text(operand: Any, here: _Path) -> str:
    if not isinstance(operand, str):
        raise InvalidPatternError(here, f"expected text{_got(operand)}")
    return str(operand)


def _anything_but(operand: Any, here: _Path) -> Operator:
    if isinstance(operand, Mapping):
        raise InvalidPatternError(here, "an operator inside anything-but is not supported; write values, like [a, b]")
    values = operand if isinstance(operand, list | tuple) else [operand]
    if not values:
        raise InvalidPatternError(here, "an empty list excludes nothing; write `exists: true`")
    excluded = [_literal(value, (*here, position)) for position, value in enumerate(values)]
    texts = sum(isinstance(value, str) for value in excluded)
    numbers = sum(isinstance(value, int | float) and not isinstance(value, bool) for value in excluded)
    if len(excluded) not in (texts, numbers):
        raise InvalidPatternError(here, "expected only text or only numbers")
    return AnythingBut(frozenset(identity(value) for value in excluded))


_NUMERIC_FORM = 'write ["=", 5], [">", 0] or [">", 0, "<=", 100]'


def _numeric(operand: Any, here: _Path) -> Operator:
    if not isinstance(operand, list | tuple) or len(operand) not in (2, 4):
        raise InvalidPatternError(here, f"expected comparisons and numbers; {_NUMERIC_FORM}")
    bounds = [_number(number, (*here, 2 * i + 1)) for i, number in enumerate(operand[1::2])]
    match tuple(operand[0::2]):
        case ("=",):
            return Range(low=bounds[0], high=bounds[0])
        case (">" | ">=" as lower,):
            return Range(low=bounds[0], low_open=lower == ">")
        case ("<" | "<=" as upper,):
            return Range(high=bounds[0], high_open=upper == "<")
        case (">" | ">=" as lower, "<" | "<=" as upper):
            if bounds[0] >= bounds[1]:
                raise InvalidPatternError(
                    here, f"nothing lies between {bounds[0]} and {bounds[1]}; the smaller comes first"
                )
            return Range(bounds[0], bounds[1], lower == ">", upper == "<")
        case _:
            raise InvalidPatternError(here, f"expected =, or > or >= and then < or <=; {_NUMERIC_FORM}")


def _number(value: Any, here: _Path) -> float:
    number = _literal(value, here)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise InvalidPatternError(here, f"expected a number{_got(value)}")
    return number


_OPERATORS: Mapping[str, Callable[[Any, _Path], Operator]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "anything-but": _anything_but,
    "numeric": _numeric,
}
_SUPPORTED = f"supported are values and {', '.join((*_OPERATORS, 'exists'))}"


def _did_you_mean(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"expected one of {', '.join(known)}"


def _got(value: Any) -> str:
    return f", got {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)
