"""How patterns find values in a document, whatever JSON it is.

As in Event Ruler, a path is its keys joined by dots: ``{"a.b": 1}`` and ``{"a": {"b": 1}}`` are the same field, in
patterns as in events, so that a label like ``app.kubernetes.io/name`` is found however it was written. Lists stand
for each of their elements, through any nesting; the walk through them keeps its own stack, so that a body of a
thousand brackets costs no recursion.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hub.rules.conditions import Scalar

_SCALARS = frozenset({str, int, float, bool, type(None)})


def scalars(values: Sequence[Any]) -> Sequence[Scalar]:
    """The leaves right here: scalars, and those in lists; not what is inside objects."""
    if len(values) == 1 and type(values[0]) in _SCALARS:  # the usual case
        return values
    return [value for value in elements(values) if not is_object(value)]


def elements(values: Iterable[Any]) -> list[Any]:
    """The values, with every list replaced by its elements, recursively. No order is promised."""
    found = []
    pending = list(values)
    while pending:
        value = pending.pop()
        if isinstance(value, list | tuple):
            pending.extend(value)
        else:
            found.append(value)
    return found


def is_object(value: Any) -> bool:
    return type(value) is dict or isinstance(value, Mapping)


def members(objects: Iterable[Mapping[Any, Any]], key: str) -> list[Any]:
    """What these objects hold under one key (a part of a path, without dots), spelled with dots or nested.

    ``{"a.b": 1}`` holds ``{"b": 1}`` under ``a``.
    """
    found = []
    dotted = f"{key}."
    for each in objects:
        if key in each:
            found.append(each[key])
        spelled = [
            name for name in each if isinstance(name, str) and name.startswith(dotted)
        ]  # YAML has other keys, too
        found.extend({name.removeprefix(dotted): each[name]} for name in spelled)
    return found
