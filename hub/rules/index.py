"""All routes at once: which patterns match a document, at a price that does not grow with their number.

The patterns are sorted into a decision graph when the rules are loaded. A branch that holds more than a few
conjunctions (a pattern, or one alternative of its ``$or``) files each under its rarest requirement: of all its
conditions not used on the way here, the one whose values the fewest others in this branch share. So
``type: batch.succeeded`` in every route costs nothing, and 100,000 routes that differ in ``metadata.team`` become one
dictionary. A document walks from branch to branch by its own values, and what waits where the walk ends, a few
candidates, is checked for what the walk has not shown, and in full where the event has lists of objects, of which one
element must fulfil everything. Conjunctions that ask the same are one, whatever the number of routes that have it.

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
from hub.rules.pattern import Node, Pattern, holds
from hub.rules.requirements import WEAK, Check, Choice, Requirement, choices

_FEW = 4
"""So many conjunctions are checked one by one; dividing them would cost more than it saves."""
_MAX_COPIES = 64
"""One with several values in several conditions is filed under their products up to this many times."""
_MAX_CHOICES = 64
"""Conditions, and pieces of wildcards, that one can be filed under, one below the other."""


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A conjunction at the end of a walk: what the walk has not shown yet, the whole, and the position of the pattern
    that has it as one of its alternatives; ``more`` are those of other patterns.
    """

    rest: tuple[Check, ...]
    root: Node
    position: int
    more: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Branch:
    """A place in the graph: what to check, and by top-level key and field the ways on. ``absent`` are the fields whose
    having no value leads on, too.
    """

    candidates: tuple[_Candidate, ...]
    ways: dict[str, dict[str, Edges["_Target"]]]
    absent: dict[str, dict[str, "_Target"]]


_Target = _Branch | _Candidate


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """A conjunction on its way down: what it can still be filed under, what is still to be checked, and how often it
    was copied.
    """

    root: Node
    positions: list[int]
    choices: tuple[Choice, ...]
    rest: tuple[Check, ...]
    copies: int = 1


class RouteIndex:
    """The patterns of one revision of the rules, compiled. Immutable; any number of threads may match."""

    def __init__(self, patterns: Sequence[Pattern | None]) -> None:
        self._always = [position for position, pattern in enumerate(patterns) if pattern is None]
        entries = _entries(patterns)
        checks = {check for entry in entries for check in entry.rest}
        self.fields = frozenset(check.top for check in checks)
        self._tree = FieldTree()
        for check in checks:
            self._tree.add(check.condition.path)
        self._root: _Target = _Compiler().branch(entries)

    def match(self, document: Mapping[str, Any]) -> list[int]:
        """Positions of the patterns that match, ascending. A pattern of None matches everything. Never raises."""
        matching = set(self._always)
        fields = Fields(self._tree, document)
        pending: list[_Target] = [self._root]
        seen: set[_Target] = set()  # thousands of values in a list can lead to one place
        while pending:
            at = pending.pop()
            if at in seen:
                continue
            seen.add(at)
            if isinstance(at, _Branch):
                pending.extend(at.candidates)
                _follow(at, fields, pending)
            elif _fulfilled(at, fields, document):
                matching.add(at.position)
                if at.more:
                    matching.update(at.more)
        return sorted(matching)

    def looks_at(self, field: str) -> bool:
        """Whether any pattern asks about a top-level key. A document need not have what nobody looks at."""
        return field in self.fields


def _fulfilled(candidate: _Candidate, fields: Fields, document: Mapping[str, Any]) -> bool:
    for check in candidate.rest:
        if not check.fulfilled(fields.under(check.top).get(check.field, ())) and not fields.has_lists:
            return False
    # Where there are lists of objects, each condition by itself says little.
    return not fields.has_lists or holds(candidate.root, document)


def _follow(branch: _Branch, fields: Fields, pending: list[_Target]) -> None:
    for top, ways in branch.ways.items():
        values = fields.under(top)
        for field in values.keys() & ways.keys():
            for value in values[field]:
                ways[field].follow(value, pending)
    for top, absent in branch.absent.items():
        values = fields.under(top)
        # The elements of a list may have it or not, and which one counts is decided by the other conditions.
        missing = absent.keys() if fields.has_lists else absent.keys() - values.keys()
        pending.extend(absent[field] for field in missing)


def _entries(patterns: Sequence[Pattern | None]) -> list[_Entry]:
    """Every conjunction once. Conditions that ask the same are one object, so that what is shared stays in caches."""
    checks: dict[Hashable, tuple[Check, list[Choice]]] = {}
    known: dict[Hashable, _Entry] = {}
    for position, pattern in enumerate(patterns):
        if pattern is None:
            continue
        for conditions, root in zip(pattern.alternatives, pattern.roots, strict=True):
            own = [
                checks.get(asks) or checks.setdefault(asks, _ready(each))
                for each in conditions
                for asks in (each.asks,)
            ]
            rest = tuple(check for check, _ in own)
            entry = known.get(frozenset(rest))
            if entry is None:
                filed = tuple(choice for _, found in own for choice in found)
                entry = known[frozenset(rest)] = _Entry(root, [], filed[:_MAX_CHOICES], rest)
            entry.positions.append(position)
    return list(known.values())


def _ready(condition: Condition) -> tuple[Check, list[Choice]]:
    check = Check(condition)
    return check, choices(check)


class _Compiler:
    """Divides entries among branches."""

    def __init__(self) -> None:
        self._rests: dict[tuple[Check, ...], tuple[Check, ...]] = {}

    def branch(self, entries: Sequence[_Entry]) -> _Target:
        if len(entries) == 1:
            return self._candidate(entries[0])
        if len(entries) <= _FEW:
            return _Branch(tuple(map(self._candidate, entries)), {}, {})
        shared = Counter(_counted(c, r) for entry in entries for c in entry.choices for r in c.requirements)
        candidates: list[_Candidate] = []
        filed: dict[tuple[str, str], dict[Requirement, list[_Entry]]] = {}
        for entry in entries:
            choice = _rarest(entry, shared)
            if choice is None:
                candidates.append(self._candidate(entry))
                continue
            groups = filed.setdefault((choice.check.top, choice.check.field), {})
            below = _below(entry, choice)
            for requirement in choice.requirements:
                groups.setdefault(requirement, []).append(below)
        return self._divided(tuple(candidates), filed)

    def _divided(
        self,
        candidates: tuple[_Candidate, ...],
        filed: Mapping[tuple[str, str], Mapping[Requirement, Sequence[_Entry]]],
    ) -> _Branch:
        branch = _Branch(candidates, {}, {})
        for (top, field), groups in filed.items():
            made: dict[tuple[int, ...], _Target] = {}  # values that lead to the same entries share a branch
            edges = Edges({requirement: self._shared_branch(made, group) for requirement, group in groups.items()})
            branch.ways.setdefault(top, {})[field] = edges
            if edges.absent is not None:
                branch.absent.setdefault(top, {})[field] = edges.absent
        return branch

    def _shared_branch(self, made: dict[tuple[int, ...], _Target], entries: Sequence[_Entry]) -> _Target:
        key = tuple(map(id, entries))
        if key not in made:
            made[key] = self.branch(entries)
        return made[key]

    def _candidate(self, entry: _Entry) -> _Candidate:
        position, *more = entry.positions
        return _Candidate(self._rests.setdefault(entry.rest, entry.rest), entry.root, position, tuple(more))


def _below(entry: _Entry, choice: Choice) -> _Entry:
    """What is left of an entry after it was filed."""
    return _Entry(
        entry.root,
        entry.positions,
        tuple(other for other in entry.choices if other is not choice),
        tuple(check for check in entry.rest if check is not choice.check) if choice.exact else entry.rest,
        entry.copies * len(choice.requirements),
    )


def _counted(choice: Choice, requirement: Requirement) -> Hashable:
    """Routes that differ in what nearly every value fulfils are as good as equal."""
    return choice.check.field, WEAK if isinstance(requirement, WEAK) else requirement


def _rarest(entry: _Entry, shared: Mapping[Hashable, int]) -> Choice | None:
    """The choice whose most common way is the least common. Copies are bounded after the first."""

    def commonness(choice: Choice) -> tuple[int, bool]:
        ways = choice.requirements
        return max(shared[_counted(choice, way)] for way in ways), any(isinstance(way, WEAK) for way in ways)

    affordable = (
        choice
        for choice in entry.choices
        if entry.copies == 1 or entry.copies * len(choice.requirements) <= _MAX_COPIES
    )
    return min(affordable, key=commonness, default=None)
