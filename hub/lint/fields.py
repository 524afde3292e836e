"""Patterns held against what is known of the events: types, fields and values that are never there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from hub.config.model import Configuration, Finding, Place, Route, Where
from hub.config.places import place_of
from hub.config.problems import did_you_mean
from hub.lint.catalogue import EventKind, event_kinds
from hub.lint.schema_fields import JsonType, SchemaField, type_of
from hub.rules import Pattern
from hub.rules.conditions import Condition
from schemas.news import HUB_SOURCE

_NEARLY = 0.85
"""A type that is so close to one of the sender's is a slip of the pen; any other may be one the catalogue lacks."""

_OPERATORS = {
    "prefix": JsonType.TEXT,
    "suffix": JsonType.TEXT,
    "wildcard": JsonType.TEXT,
    "equals-ignore-case": JsonType.TEXT,
    "cidr": JsonType.TEXT,
    "numeric": JsonType.NUMBER,
}
"""What the operators look for. ``exists`` and ``anything-but`` hold for values of any type."""

_TRUTHS = {"yes", "no", "on", "off", "true", "false"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """One pattern of a route: ``key`` is where it stands, ``when`` or ``unless``."""

    route: Route
    key: str
    pattern: Pattern


def field_findings(configuration: Configuration) -> Iterator[Finding]:
    """What the patterns ask for and never get."""
    kinds = event_kinds(configuration)
    for asked in _patterns(configuration):
        told: dict[tuple[object, ...], Finding] = {}  # a condition is in many combinations of `$or`
        for conditions in asked.pattern.alternatives:
            for condition, position, finding in _of_conjunction(asked, conditions, kinds, configuration):
                told.setdefault((finding.code, condition.path, position), finding)
        yield from told.values()


def _patterns(configuration: Configuration) -> Iterator[_Asked]:
    for route in configuration.routes:
        for key, pattern in (("when", route.when), ("unless", route.unless)):
            if pattern is not None:
                yield _Asked(route, key, pattern)


_Found = tuple[Condition, int | None, Finding]
"""What was found about a condition, or about the value at a position in its list."""


def _of_conjunction(
    asked: _Asked, conditions: Sequence[Condition], kinds: Sequence[EventKind], configuration: Configuration
) -> Iterator[_Found]:
    by_path = {condition.path: condition for condition in conditions}
    types = by_path.get(("type",))
    kinds = [kind for kind in kinds if _takes(by_path.get(("source",)), kind.source)]
    if types is not None and all(kind.listed for kind in kinds):
        yield from _nearly_types(asked, types, kinds, configuration)
    kinds = _possible(kinds, types)
    for condition in conditions if kinds else ():
        found = [kind.at(condition.path) for kind in kinds]
        if any(each.types is None for each in found):
            continue
        if not any(each.types for each in found):
            yield condition, None, _unknown_field(asked, condition, kinds, found, configuration)
        else:
            there = frozenset().union(*(each.types for each in found if each.types))
            yield from _wrong_types(asked, condition, there, kinds, configuration)


def _takes(condition: Condition | None, text: str) -> bool:
    return condition is None or condition.accepts(text)


def _possible(kinds: Sequence[EventKind], types: Condition | None) -> list[EventKind]:
    """Those a pattern with this condition on the type is about.

    Where a source lists its types, others are meant only if one is named: the sender may be ahead of the list.
    """
    listed = {(kind.source, kind.type) for kind in kinds}
    named = [each for each in types.literals if isinstance(each, str)] if types is not None else []

    def is_meant(kind: EventKind) -> bool:
        if kind.type is not None:
            return _takes(types, kind.type)
        return not kind.listed or any((kind.source, each) not in listed for each in named)

    return [kind for kind in kinds if is_meant(kind)]


def _nearly_types(
    asked: _Asked, types: Condition, kinds: Sequence[EventKind], configuration: Configuration
) -> Iterator[_Found]:
    known = sorted({kind.type for kind in kinds if kind.type is not None})
    for position, written in enumerate(types.written):
        if isinstance(written, str) and written not in known:
            for close in get_close_matches(written, known, n=1, cutoff=_NEARLY):
                finding = Finding(
                    _where(asked, types, configuration, position),
                    "unknown-type",
                    f"this matches nothing: {_sources(kinds)} sends no type {written!r}",
                    f"write {close}",
                )
                yield types, position, finding


def _unknown_field(
    asked: _Asked,
    condition: Condition,
    kinds: Sequence[EventKind],
    found: Sequence[SchemaField],
    configuration: Configuration,
) -> Finding:
    name = condition.field
    beside = sorted(frozenset().union(*(each.beside for each in found)))
    hint = did_you_mean(condition.path[-1], beside).removeprefix("; ").removesuffix("?")
    there = f"there is {', '.join(beside)}" if beside else "there is nothing inside it"
    maps = condition.path[0] == "metadata" and any(kind.source != HUB_SOURCE for kind in kinds)
    mapped = "; a source's `metadata` maps more out of the body" if maps else ""
    return Finding(
        _where(asked, condition, configuration),
        "unknown-field",
        f"no event that route `{asked.route.id}` could take has `{name}`: {_events(kinds)}",
        f"{hint}? {there}{mapped}" if hint else f"{there}{mapped}",
    )


def _wrong_types(
    asked: _Asked,
    condition: Condition,
    there: frozenset[JsonType],
    kinds: Sequence[EventKind],
    configuration: Configuration,
) -> Iterator[_Found]:
    name = condition.field
    for position, written in enumerate(condition.written):
        wanted = _wanted(written)
        if wanted is None or wanted in there:
            continue
        finding = Finding(
            _where(asked, condition, configuration, position),
            "wrong-type",
            f"`{name}` is {_or(there)} in {_events(kinds)}, so this never matches: it asks for {wanted}",
            _instead(written, there, name),
        )
        yield condition, position, finding


def _where(asked: _Asked, condition: Condition, configuration: Configuration, *position: int) -> Where:
    place: Place = (asked.route.id, asked.key, *condition.path, *position)
    return place_of(configuration.places, place, asked.route.where)


def _wanted(written: Any) -> JsonType | None:
    """The type that a value has if it fulfils an entry of a condition; None: any."""
    return _OPERATORS.get(next(iter(written))) if isinstance(written, Mapping) else type_of(written)


def _instead(written: Any, there: frozenset[JsonType], name: str) -> str:
    if there == {JsonType.OBJECT}:
        return f"ask for what is inside it: `{name}.…`"
    if written is None:
        return "for events without it write {exists: false}"
    if JsonType.BOOLEAN in there and isinstance(written, str) and written.lower() in _TRUTHS:
        return "write true or false, without quotes: `yes` and `no` are text"
    if isinstance(written, str):
        return "leave the quotes out"
    if isinstance(written, dict):
        return f"compare with {_or(there)}"
    return f'write it in quotes: "{str(written).lower() if isinstance(written, bool) else written}"'


def _or(types: frozenset[JsonType]) -> str:
    return " or ".join(sorted(each for each in types if each is not JsonType.NULL) or sorted(types))


def _events(kinds: Sequence[EventKind]) -> str:
    types = sorted({kind.type for kind in kinds if kind.type is not None})
    if not types or any(kind.type is None for kind in kinds):
        return f"the events of {_sources(kinds)}"
    listed = ", ".join(types[:3])
    return f"the events {listed}{f' and {len(types) - 3} more' if len(types) > 3 else ''} of {_sources(kinds)}"


def _sources(kinds: Sequence[EventKind]) -> str:
    return ", ".join(dict.fromkeys(kind.source for kind in kinds))
