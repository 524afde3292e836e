"""All routes at once: which patterns match a document, at a price that does not grow with their number.

The patterns are sorted into a decision graph when the rules are loaded. A branch that holds more than a few patterns
files each under its rarest requirement: of all its conditions not used on the way here, the one whose values the
fewest other patterns in this branch share. So ``type: batch.succeeded`` in every route costs nothing, and 100,000
routes that differ in ``metadata.team`` become one dictionary. A document walks from branch to branch by its own
values, and what waits where the walk ends, a few candidates, is checked in full by ``Pattern.matches``. The
graph therefore only has to miss nothing; lists of objects, ``anything-but`` and ``exists: false`` are the
pattern's own business.

The price of one match is
- reading the fields in question: one walk over the document, whatever the number of routes;
- per branch on the way and field, one lookup (``Edges``), by dictionary, or by interval tree for numeric ranges;
- one ``Pattern.matches`` per candidate: all routes that match, and at most a few beside them per branch.
It grows with the number of routes only where nothing can be looked up: routes that differ in nothing but
``anything-but`` or ``exists: false``, which usually match anyway.

A counting index (a counter per route, raised by each fulfilled condition) would be simpler, and raise 100,000
counters for one condition that all routes share.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.rules.edges import Edges, Requirement, requirements
from hub.rules.fields import Fields, FieldTree
from hub.rules.pattern import Pattern

_FEW = 4
"""So many patterns are checked one by one; dividing them would cost more than it saves."""
_MAX_COPIES = 64
"""A pattern with several values in several conditions is filed under their products up to this many times."""


@dataclass(frozen=True, slots=True)
class _Branch:
    """A place in the graph: patterns to check, and by top-level key and field the ways on."""

    candidates: tuple[int, ...]
    ways: dict[str, dict[str, Edges["_Branch"]]]


@dataclass(frozen=True, slots=True)
class _Choice:
    """A condition that a pattern can be filed under."""

    top: str
    field: str
    requirements: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """A pattern on its way down: the conditions it can still be filed under, and how often it was copied."""

    position: int
    choices: tuple[_Choice, ...]
    copies: int = 1


class RouteIndex:
    """The patterns of one revision of the rules, compiled. Immutable; any number of threads may match."""

    def __init__(self, patterns: Sequence[Pattern | None]) -> None:
        self._patterns = tuple(patterns)
        self._always = [position for position, pattern in enumerate(patterns) if pattern is None]
        self.fields = frozenset(each.path[0] for pattern in patterns if pattern for each in pattern.conditions)
        entries = [_Entry(i, _choices(pattern)) for i, pattern in enumerate(patterns) if pattern is not None]
        self._tree = FieldTree()
        for entry in entries:
            for choice in entry.choices:
                self._tree.add(choice.field.split("."))
        self._root = _branch(entries)

    def match(self, document: Mapping[str, Any]) -> list[int]:
        """Positions of the patterns that match, ascending. A pattern of None matches everything. Never raises."""
        matching = [i for i in self._candidates(document) if self._matches(i, document)]
        return sorted(self._always + matching)

    def looks_at(self, field: str) -> bool:
        """Whether any pattern asks about a top-level key. A document need not have what nobody looks at."""
        return field in self.fields

    def _matches(self, position: int, document: Mapping[str, Any]) -> bool:
        pattern = self._patterns[position]
        return pattern is not None and pattern.matches(document)

    def _candidates(self, document: Mapping[str, Any]) -> set[int]:
        found: set[int] = set()
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
                values = fields.under(top)
                for field in values.keys() & ways.keys():
                    for value in values[field]:
                        ways[field].follow(value, pending)
        return found


def _choices(pattern: Pattern) -> tuple[_Choice, ...]:
    return tuple(
        _Choice(condition.path[0], ".".join(condition.path), ways)
        for condition in pattern.conditions
        if (ways := requirements(condition)) is not None
    )


def _branch(entries: Sequence[_Entry]) -> _Branch:
    """Divide the entries among the branches below, or keep them if they are few."""
    if len(entries) <= _FEW:
        return _Branch(tuple(entry.position for entry in entries), {})
    shared = Counter((c.field, r) for entry in entries for c in entry.choices for r in c.requirements)
    candidates: list[int] = []
    filed: dict[tuple[str, str], dict[Requirement, list[_Entry]]] = {}
    for entry in entries:
        choice = _rarest(entry, shared)
        if choice is None:
            candidates.append(entry.position)
            continue
        rest = tuple(other for other in entry.choices if other is not choice)
        below = _Entry(entry.position, rest, entry.copies * len(choice.requirements))
        for requirement in choice.requirements:
            filed.setdefault((choice.top, choice.field), {}).setdefault(requirement, []).append(below)
    return _Branch(tuple(candidates), _ways(filed))


def _rarest(entry: _Entry, shared: Mapping[tuple[str, Requirement], int]) -> _Choice | None:
    """The condition whose most common value is the least common. Copies are bounded after the first."""
    affordable = (
        choice
        for choice in entry.choices
        if entry.copies == 1 or entry.copies * len(choice.requirements) <= _MAX_COPIES
    )
    return min(affordable, key=lambda c: max(shared[c.field, r] for r in c.requirements), default=None)


def _ways(
    filed: Mapping[tuple[str, str], Mapping[Requirement, Sequence[_Entry]]],
) -> dict[str, dict[str, Edges[_Branch]]]:
    ways: dict[str, dict[str, Edges[_Branch]]] = {}
    for (top, field), groups in filed.items():
        made: dict[tuple[int, ...], _Branch] = {}  # values that lead to the same patterns share a branch
        targets = {requirement: _shared_branch(made, group) for requirement, group in groups.items()}
        ways.setdefault(top, {})[field] = Edges(targets)
    return ways


def _shared_branch(made: dict[tuple[int, ...], _Branch], entries: Sequence[_Entry]) -> _Branch:
    key = tuple(map(id, entries))
    if key not in made:
        made[key] = _branch(entries)
    return made[key]
