"""All routes at once: which patterns match a document, at a price that does not grow with their number.

The patterns are sorted into a decision graph when the rules are loaded. A branch that holds more than a few
conjunctions (a pattern, or one alternative of its ``$or``) files each under its rarest requirement: of all its
conditions not used on the way here, the one whose values the fewest others in this branch share. So
``type: batch.succeeded`` in every route costs nothing, and 100,000 routes that differ in ``metadata.team`` become one
dictionary. A document walks from branch to branch by its own values, and what waits where the walk ends, a few
candidates, is checked in full. The graph therefore only has to miss nothing; which element of a list fulfils what is
the pattern's own business. Conjunctions that ask the same are one, whatever the number of routes that have it.

The price of one match is
- reading the fields in question: one walk over the document, whatever the number of routes;
- per branch on the way and field, one lookup (``Edges``), whose price follows from its answers;
- one check per candidate: all that match, and at most a few beside them per branch.

Two things can be told apart by no lookup, and are asked one by one: different operators inside ``anything-but``, and
``exists: false`` where the event has lists of objects. Routes that differ in nothing else usually all match anyway.

A counting index (a counter per route, raised by each fulfilled condition) would be simpler, and raise 100,000
counters for one condition that all routes share.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.rules.conditions import Condition
from hub.rules.edges import Edges
from hub.rules.fields import Fields, FieldTree
from hub.rules.pattern import Node, Pattern, holds, tree
from hub.rules.requirements import WEAK, Choice, Requirement, choices

_FEW = 4
"""So many conjunctions are checked one by one; dividing them would cost more than it saves."""
_MAX_COPIES = 64
"""One with several values in several conditions is filed under their products up to this many times."""
_MAX_CHOICES = 64
"""Conditions, and pieces of wildcards, that one can be filed under, one below the other."""


@dataclass(frozen=True, slots=True, eq=False)
class _Conjunction:
    """Conditions that must all hold, and the positions of the patterns that have them as one of their alternatives."""

    root: Node
    positions: list[int]


@dataclass(frozen=True, slots=True)
class _Branch:
    """A place in the graph: what to check, and by top-level key and field the ways on. ``absent`` are the fields whose
    having no value leads on, too.
    """

    candidates: tuple[_Conjunction, ...]
    ways: dict[str, dict[str, Edges["_Branch"]]]
    absent: dict[str, dict[str, "_Branch"]]


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """A conjunction on its way down: what it can still be filed under, and how often it was copied."""

    conjunction: _Conjunction
    choices: tuple[Choice, ...]
    copies: int = 1


class RouteIndex:
    """The patterns of one revision of the rules, compiled. Immutable; any number of threads may match."""

    def __init__(self, patterns: Sequence[Pattern | None]) -> None:
        self._always = [position for position, pattern in enumerate(patterns) if pattern is None]
        self.fields = frozenset(each.path[0] for pattern in patterns if pattern for each in pattern.conditions)
        entries = _entries(patterns)
        self._tree = FieldTree()
        for field in {choice.field for entry in entries for choice in entry.choices}:
            self._tree.add(field.split("."))
        self._root = _branch(entries)

    def match(self, document: Mapping[str, Any]) -> list[int]:
        """Positions of the patterns that match, ascending. A pattern of None matches everything. Never raises."""
        matching = set(self._always)
        for candidate in self._candidates(document):
            if holds(candidate.root, document):
                matching.update(candidate.positions)
        return sorted(matching)

    def looks_at(self, field: str) -> bool:
        """Whether any pattern asks about a top-level key. A document need not have what nobody looks at."""
        return field in self.fields

    def _candidates(self, document: Mapping[str, Any]) -> set[_Conjunction]:
        found: set[_Conjunction] = set()
        fields = Fields(self._tree, document)
        pending = [self._root]
        seen = set()  # two values can lead to one branch
        while pending:
            branch = pending.pop()
            if id(branch) in seen:
                continue
            seen.add(id(branch))
            found.update(branch.candidates)
            for top, ways in branch.ways.items():
                values = fields.under(top).values
                for field in values.keys() & ways.keys():
                    for value in values[field]:
                        ways[field].follow(value, pending)
            for top, absent in branch.absent.items():
                under = fields.under(top)
                # The elements of a list may have it or not, and which one counts is decided by the other conditions.
                missing = absent.keys() if under.has_lists else absent.keys() - under.values.keys()
                pending.extend(absent[field] for field in missing)
        return found


def _entries(patterns: Sequence[Pattern | None]) -> list[_Entry]:
    """Every conjunction once."""
    known: dict[Hashable, _Entry] = {}
    for position, pattern in enumerate(patterns):
        for conditions in pattern.alternatives if pattern is not None else ():
            asked = frozenset(condition.asks for condition in conditions)
            entry = known.get(asked)
            if entry is None:
                entry = known[asked] = _Entry(_Conjunction(tree(conditions), []), _choices(conditions))
            entry.conjunction.positions.append(position)
    return list(known.values())


def _choices(conditions: Sequence[Condition]) -> tuple[Choice, ...]:
    return tuple(choice for condition in conditions for choice in choices(condition))[:_MAX_CHOICES]


def _branch(entries: Sequence[_Entry]) -> _Branch:
    """Divide the entries among the branches below, or keep them if they are few."""
    if len(entries) <= _FEW:
        return _Branch(tuple(entry.conjunction for entry in entries), {}, {})
    shared = Counter(_counted(c.field, r) for entry in entries for c in entry.choices for r in c.requirements)
    candidates: list[_Conjunction] = []
    filed: dict[tuple[str, str], dict[Requirement, list[_Entry]]] = {}
    for entry in entries:
        choice = _rarest(entry, shared)
        if choice is None:
            candidates.append(entry.conjunction)
            continue
        rest = tuple(other for other in entry.choices if other is not choice)
        below = _Entry(entry.conjunction, rest, entry.copies * len(choice.requirements))
        for requirement in choice.requirements:
            filed.setdefault((choice.top, choice.field), {}).setdefault(requirement, []).append(below)
    return _divided(tuple(candidates), filed)


def _counted(field: str, requirement: Requirement) -> Hashable:
    """Routes that differ in what nearly every value fulfils are as good as equal."""
    return (field, WEAK) if isinstance(requirement, WEAK) else (field, requirement)


def _rarest(entry: _Entry, shared: Mapping[Hashable, int]) -> Choice | None:
    """The choice whose most common way is the least common. Copies are bounded after the first."""

    def commonness(choice: Choice) -> tuple[int, bool]:
        ways = choice.requirements
        return max(shared[_counted(choice.field, way)] for way in ways), any(isinstance(way, WEAK) for way in ways)

    affordable = (
        choice
        for choice in entry.choices
        if entry.copies == 1 or entry.copies * len(choice.requirements) <= _MAX_COPIES
    )
    return min(affordable, key=commonness, default=None)


def _divided(
    candidates: tuple[_Conjunction, ...],
    filed: Mapping[tuple[str, str], Mapping[Requirement, Sequence[_Entry]]],
) -> _Branch:
    branch = _Branch(candidates, {}, {})
    for (top, field), groups in filed.items():
        made: dict[tuple[int, ...], _Branch] = {}  # values that lead to the same entries share a branch
        edges = Edges({requirement: _shared_branch(made, group) for requirement, group in groups.items()})
        branch.ways.setdefault(top, {})[field] = edges
        if edges.absent is not None:
            branch.absent.setdefault(top, {})[field] = edges.absent
    return branch


def _shared_branch(made: dict[tuple[int, ...], _Branch], entries: Sequence[_Entry]) -> _Branch:
    key = tuple(map(id, entries))
    if key not in made:
        made[key] = _branch(entries)
    return made[key]
