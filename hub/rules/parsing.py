"""From what an author wrote under ``when`` to a Pattern, or to an error that shows what to write instead."""

from collections.abc import Hashable, Mapping
from typing import Any

from hub.rules.conditions import Condition, Operator, identity
from hub.rules.cost import MAX_COMBINATIONS, MAX_COST, cost
from hub.rules.errors import InvalidPatternError
from hub.rules.operators import NAMES, Path, did_you_mean, got, literal, operator, shown
from hub.rules.pattern import Pattern
from schemas.document import FIELDS, TEXT_FIELDS

OR = "$or"
MAX_DEPTH = 32
"""Keys on the way to one condition, each ``$or`` counted as one."""
MAX_CONDITIONS = 64
"""Fields that one combination of a pattern asks about."""
MAX_VALUES = 10_000
"""Values in one list."""

_Conditions = dict[tuple[str, ...], Condition]
"""By path. All of them must hold."""


def parse(pattern: object) -> Pattern:
    """Make a pattern from plain JSON or YAML values: a mapping of fields to lists of what is accepted.

    Raises InvalidPatternError at the first mistake.
    """
    if not isinstance(pattern, Mapping):
        raise InvalidPatternError(
            (), f"expected fields and what they may be, like `type: [batch.failed]`{got(pattern)}"
        )
    combinations = _count(pattern, (), 0)
    if combinations > MAX_COMBINATIONS:
        raise InvalidPatternError(
            (),
            f"its `{OR}` multiply to {combinations:,} combinations, at most {MAX_COMBINATIONS:,} are allowed: say it "
            "in fewer alternatives (a list of values is none), or in several routes",
        )
    found = tuple(tuple(each.values()) for each in _fields(pattern, (), ()))
    price = cost(found)
    if price > MAX_COST:
        multiplied = f" in {combinations:,} combinations of `{OR}`" if combinations > 1 else ""
        raise InvalidPatternError(
            (),
            f"costs {price:,}{multiplied}, at most {MAX_COST:,} is allowed: one for each condition, each operator and "
            "each fragment between the stars of a wildcard; use fewer of them, or several routes",
        )
    return Pattern(found)


def _count(written: Any, here: Path, depth: int) -> int:
    """The combinations of the alternatives in it, counted before anything is multiplied out."""
    if not isinstance(written, Mapping):
        return 1
    if depth > MAX_DEPTH:
        raise InvalidPatternError(here, f"nested deeper than {MAX_DEPTH} keys and `{OR}`")
    count = 1
    for key, value in written.items():
        if key == OR and isinstance(value, list | tuple):
            count *= max(1, sum(_count(each, (*here, OR, i), depth + 1) for i, each in enumerate(value)))
        else:
            count *= _count(value, (*here, key), depth + 1)
    return count


def _fields(fields: Mapping[Any, Any], written: Path, path: tuple[str, ...]) -> list[_Conditions]:
    """The combinations that a mapping allows."""
    if not fields:
        raise InvalidPatternError(written, "an empty pattern says nothing; leave `when` out to match every event")
    found: list[_Conditions] = [{}]
    for key, value in fields.items():
        here = (*written, key)
        if not isinstance(key, str):
            raise InvalidPatternError((*written, str(key)), f'a key is text; write it in quotes: "{key}"')
        more = _alternatives(value, here, path) if key == OR else _field(key, value, here, path)
        found = [_both(one, other, here) for one in found for other in more]
    return found


def _alternatives(written: Any, here: Path, path: tuple[str, ...]) -> list[_Conditions]:
    if not isinstance(written, list | tuple):
        raise InvalidPatternError(here, f"`{OR}` is a list of alternatives; write [{{type: [a]}}, {{source: [b]}}]")
    if len(written) < 2:
        raise InvalidPatternError(here, f"`{OR}` needs at least two alternatives; write the one without `{OR}`")
    found: list[_Conditions] = []
    for position, each in enumerate(written):
        place = (*here, position)
        if not isinstance(each, Mapping):
            raise InvalidPatternError(place, f"expected fields and what they may be, like {{type: [a]}}{got(each)}")
        for key in each:
            if key in NAMES:
                raise InvalidPatternError(
                    (*place, str(key)),
                    f"`{key}` is an operator; name the field it is for, like {{name: [{{{key}: …}}]}}",
                )
        found += _fields(each, place, path)
    return found


def _field(key: str, value: Any, here: Path, path: tuple[str, ...]) -> list[_Conditions]:
    parts = (*path, *key.split("."))
    _check_key(parts, here)
    if not isinstance(value, Mapping):
        return [{parts: _condition(parts, value, here)}]
    if parts[0] in TEXT_FIELDS:
        raise InvalidPatternError(here, f"`{parts[0]}` is text and has nothing inside; write a list")
    return _fields(value, here, parts)


def _both(one: _Conditions, other: _Conditions, here: Path) -> _Conditions:
    if one.keys() & other.keys():
        where = "" if OR not in here else f", outside of `{OR}` and in it"
        raise InvalidPatternError(
            here, f"given twice{where} (dots and nesting mean the same); put all values in one list"
        )
    joined = {**one, **other}
    if len(joined) > MAX_CONDITIONS:
        raise InvalidPatternError(here, f"more than {MAX_CONDITIONS} fields in one pattern")
    return joined


def _check_key(parts: tuple[str, ...], here: Path) -> None:
    if parts[0] not in FIELDS:
        raise InvalidPatternError(here, f"no such field; {did_you_mean(parts[0], FIELDS)}")
    if parts[0] in TEXT_FIELDS and len(parts) > 1:
        raise InvalidPatternError(here, f"`{parts[0]}` is text and has nothing inside")
    if len(parts) > MAX_DEPTH:
        raise InvalidPatternError(here, f"nested deeper than {MAX_DEPTH} keys")


def _condition(parts: tuple[str, ...], values: Any, here: Path) -> Condition:
    if not isinstance(values, list | tuple):
        raise InvalidPatternError(here, f"expected a list of values; write [{shown(values)}]")
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
            literals.add(identity(literal(value, place)))
        elif (found := operator(value, place)) is None:
            absent = True
        else:
            operators.append(found)
    return Condition(parts, frozenset(literals), tuple(operators), absent, tuple(values))
