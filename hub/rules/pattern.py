"""A parsed pattern: alternatives, each a tree of conditions, and whether a document fulfils all of one of them.

The semantics are those of Amazon EventBridge and its open implementation, Event Ruler
(https://github.com/aws/event-ruler, README: "JSON Array Matching", "Exists matching"):

- A condition is fulfilled by any of the field's values; every condition must be fulfilled.
- Conditions on objects inside one list are fulfilled by one and the same element of it.
- Only scalars are values. An object, an empty list and a missing key are all "not there"; null is there.
- ``$or`` multiplies out: each combination of alternatives is a pattern of its own, and one of them must hold.
- ``exists: false`` asks about the element that the other conditions chose. Where they chose none, it asks about all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from hub.rules.conditions import Condition
from hub.rules.cost import cost
from hub.rules.walking import elements, is_object, members, scalars


@dataclass(slots=True)
class Node:
    """One key of the pattern: the condition on its value, and the conditions on what is inside it."""

    condition: Condition | None = None
    children: dict[str, "Node"] = field(default_factory=dict)


class _Outcome(IntEnum):
    """How conditions fared in one place. What matched by its value ties the others to the same list element."""

    FAILED = 0
    ABSENT = 1  # fulfilled, and only because nothing is there
    FOUND = 2  # fulfilled, at least one by a value


class Pattern:
    """A valid ``when``. Immutable, made by ``hub.rules.parse``; equal if it asks the same in the same order.

    ``alternatives`` are what the author's ``$or`` multiply out to, each a conjunction in the order written; a pattern
    without ``$or`` has one. ``roots`` are the same as trees, for ``holds``. ``cost`` is what checking it takes at most
    (see ``hub.rules.cost``).
    """

    __slots__ = ("alternatives", "roots")

    def __init__(self, alternatives: Iterable[Sequence[Condition]]) -> None:
        self.alternatives = tuple(tuple(conditions) for conditions in alternatives)
        self.roots = [tree(conditions) for conditions in self.alternatives]

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition once, whichever alternatives it is in, in the order written."""
        return tuple({id(condition): condition for each in self.alternatives for condition in each}.values())

    @property
    def cost(self) -> int:
        return cost(self.alternatives)

    def matches(self, document: Mapping[str, Any]) -> bool:
        """Whether the document fulfils every condition of an alternative. Never raises, whatever JSON it holds.

        Looks only at the top-level keys that the pattern names, and only until one condition fails.
        """
        return any(holds(root, document) for root in self.roots)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self.alternatives == other.alternatives

    def __hash__(self) -> int:
        return hash(tuple(condition.asks for each in self.alternatives for condition in each))

    def __repr__(self) -> str:
        asked = [
            {condition.field: list(condition.written) for condition in conditions} for conditions in self.alternatives
        ]
        return f"Pattern({' or '.join(map(str, asked))})"


def tree(conditions: Iterable[Condition]) -> Node:
    """Of conditions that must all hold."""
    root = Node()
    for condition in conditions:
        node = root
        for part in condition.path:
            node = node.children.setdefault(part, Node())
        node.condition = condition
    return root


def holds(root: Node, document: Mapping[str, Any]) -> bool:
    """Whether the document fulfils every condition of a tree."""
    for key, node in root.children.items():
        try:
            value = document[key]
        except KeyError:
            values = []
        else:
            values = [value]
        if _outcome(node, values) is _Outcome.FAILED:
            return False
    return True


def _outcome(node: Node, values: Sequence[Any]) -> _Outcome:
    """How a node fares with the values found in its place: usually one, none if the key is missing."""
    here = _Outcome.ABSENT if node.condition is None else _of_condition(node.condition, values)
    if here is _Outcome.FAILED or not node.children:
        return here
    return _both(here, _of_children(node, values))


def _of_condition(condition: Condition, values: Sequence[Any]) -> _Outcome:
    there = scalars(values)
    for value in there:
        if condition.accepts(value):
            return _Outcome.FOUND
    return _Outcome.ABSENT if condition.absent and not there else _Outcome.FAILED


def _of_children(node: Node, values: Sequence[Any]) -> _Outcome:
    if len(values) == 1 and type(values[0]) is dict:  # the usual case
        return _of_members(node, values)
    objects = [value for value in values if is_object(value)]
    in_lists = [value for value in elements(v for v in values if isinstance(v, list | tuple)) if is_object(value)]
    if not in_lists:
        return _of_members(node, objects)
    worst = _Outcome.ABSENT
    for element in in_lists:
        outcome = _of_members(node, [*objects, element])
        if outcome is _Outcome.FOUND:
            return outcome
        worst = min(worst, outcome)
    return worst


def _of_members(node: Node, objects: Sequence[Mapping[str, Any]]) -> _Outcome:
    """All children in the same objects."""
    whole = _Outcome.ABSENT
    for key, child in node.children.items():
        whole = _both(whole, _outcome(child, members(objects, key)))
        if whole is _Outcome.FAILED:
            break
    return whole


def _both(one: _Outcome, other: _Outcome) -> _Outcome:
    return _Outcome.FAILED if _Outcome.FAILED in (one, other) else max(one, other)
