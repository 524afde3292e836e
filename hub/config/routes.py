"""``routes:`` → Route: patterns compiled, options merged over the destination's, references checked."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.api import CollectingDestination, Options
from hub.config.destinations import Configured, layered
from hub.config.enriching import check_enrich
from hub.config.model import Finding, Route, SourceEntry, Target, Where
from hub.config.names import check_known
from hub.config.nodes import Node
from hub.config.problems import Problems, did_you_mean
from hub.config.secret_fields import refuse_files
from hub.config.validation import validate
from hub.config.written import PRIORITIES, WrittenRoute
from hub.rules import InvalidPatternError, Pattern, parse
from hub.rules.errors import show
from schemas.lane import Lane


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a route refers to. The names include entries that have problems of their own, and the hub as a source.
    ``read`` are the sources that have none.
    """

    sources: Collection[str]
    destinations: Collection[str]
    configured: Mapping[str, Configured]
    read: Mapping[str, SourceEntry]


def read_routes(node: Node, around: Surroundings, problems: Problems) -> tuple[list[Route], list[Finding]]:
    """Every route that is right, and what is probably a mistake; what certainly is one is in the problems."""
    routes: list[Route] = []
    findings: list[Finding] = []
    seen: dict[str, Where] = {}
    for element in node.elements():
        written = validate(WrittenRoute, element, problems)
        when, unless = (_pattern(element, key, problems) for key in ("when", "unless"))
        findings += _unknown_sources(element, around.sources)
        check_known("destination", _destinations(element), around.destinations, problems)
        targets = _targets(element, written, around, problems)
        if written is None:
            continue
        _check_results(element, written, around, problems)
        _check_transform(element, written, around, problems)
        if written.id in seen:
            problems.add(
                element.at(["id"]).where, f"route `{written.id}` is already defined in {seen[written.id]}; keep one"
            )
        seen.setdefault(written.id, element.at(["id"]).where)
        routes.append(_route(written, when, unless, targets, element.where))
    _check_renamed(node, problems)
    return routes, findings


def _check_renamed(node: Node, problems: Problems) -> None:
    """Two routes that name their deliveries alike would take each other's for duplicates."""
    names = {str(element.at(["id"]).value): element for element in node.elements() if "id" in element.items()}
    seen: set[str] = set()
    for element in node.elements():
        was = element.items().get("was")
        if was is None or not isinstance(was.value, str):
            continue
        if was.value in names or was.value in seen:
            other = "there is a route" if was.value in names else "another route was"
            problems.add(was.where, f"`was`: {other} `{was.value}`, and two routes cannot have deliveries of one name")
        seen.add(was.value)


def _route(
    written: WrittenRoute, when: Pattern | None, unless: Pattern | None, targets: tuple[Target, ...], where: Where
) -> Route:
    return Route(
        id=written.id,
        when=when,
        unless=unless,
        to=targets,
        where=where,
        enabled=written.enabled,
        sample=written.sample,
        stop=written.stop,
        otherwise=written.otherwise,
        transform=written.transform,
        order=written.order,
        priority=Lane(written.priority.source) if written.priority.source in PRIORITIES else written.priority,
        stale_after=written.stale_after,
        once_per=written.once_per,
        enrich=written.enrich,
        was=written.was,
        description=written.description,
        labels=written.labels,
    )


def _check_results(element: Node, written: WrittenRoute, around: Surroundings, problems: Problems) -> None:
    named = {name: around.configured[name] for name in written.to if name in around.configured}
    if written.enrich is not None:
        sources = {name: entry.connector for name, entry in around.read.items()}
        connectors = {name: each.connector for name, each in named.items()}
        check_enrich(element, written.enrich, sources, connectors, problems)
        return
    for name, each in named.items():
        if each.entry is not None and each.entry.config.needs_result:
            problems.add(
                element.at(["to"]).where, f"`{name}` takes results, and this route fetches none; write `enrich`"
            )


def _check_transform(element: Node, written: WrittenRoute, around: Surroundings, problems: Problems) -> None:
    named = {name: around.configured[name].connector for name in written.to if name in around.configured}
    for name, connector in named.items() if written.transform is not None else ():
        if issubclass(connector, CollectingDestination):
            problems.add(
                element.at(["transform"]).where,
                f"`transform`: `{name}` stores what was received, byte for byte; give it a route of its own",
            )


_EMPTY = {"when": "leave it out to match every event", "unless": "leave it out to leave no event out"}


def _pattern(element: Node, key: str, problems: Problems) -> Pattern | None:
    written = element.items().get(key)
    if written is None:
        return None
    if written.value is None:
        problems.add(written.where, f"`{key}` is empty; {_EMPTY[key]}")
        return None
    try:
        return parse(written.plain())
    except InvalidPatternError as error:
        problems.add(written.at(error.path).where, f"`{show((key, *error.path))}`: {error.reason}")
        return None


def _unknown_sources(element: Node, sources: Collection[str]) -> list[Finding]:
    named = [each for key in ("when", "unless") if key in element.items() for each in _sources(element.at([key]))]
    return [
        Finding(
            each.where,
            "unknown-source",
            f"this matches nothing: there is no source {each.written!r}{did_you_mean(each.written, sources)}",
        )
        for each in named
        if isinstance(each.value, str) and not each.unset and each.value not in sources
    ]


def _sources(pattern: Node) -> Iterator[Node]:
    """What a pattern names as sources, in alternatives, too."""
    if "source" in pattern.items():
        yield from pattern.at(["source"]).elements()
    for alternative in pattern.at(["$or"]).elements() if "$or" in pattern.items() else ():
        yield from _sources(alternative)


def _destinations(element: Node) -> tuple[Node, ...]:
    to = element.items().get("to")
    return () if to is None else to.elements() or (to,)


def _targets(
    element: Node, written: WrittenRoute | None, around: Surroundings, problems: Problems
) -> tuple[Target, ...]:
    named = {str(node.value): node for node in _destinations(element)}
    if len(named) < len(_destinations(element)):
        problems.add(element.at(["to"]).where, "`to` names a destination twice; keep one")
    given = element.at(["with"]).items() if "with" in element.items() else {}
    for name, node in given.items():
        if name not in named:
            hint = did_you_mean(name, named) or f"; expected one of {', '.join(named)}"
            problems.add(node.where, f"`with` has options for `{name}`, but the route does not go there{hint}")
    targets = []
    for name, node in named.items():
        configured = around.configured.get(name)
        if configured is None:
            continue
        options = _options(configured, given.get(name), node, problems)
        if options is not None and written is not None:
            retry = configured.settings.retry
            if written.retry is not None:
                retry = layered(retry, written.retry)
            whole = not element.has_unset and not any(each.has_unset for each in configured.options.values())
            targets.append(Target(name, options, retry, whole))
    return tuple(targets)


def _options(configured: Configured, given: Node | None, to: Node, problems: Problems) -> Options | None:
    if given is not None and not given.is_mapping:
        return None  # WrittenRoute has reported it
    own: Mapping[str, Any] = given.items() if given else {}
    if given is not None and refuse_files(configured.connector.options_model, given, problems):
        return None
    merged = Node.collection((given or to).where, {**configured.options, **own})
    return validate(configured.connector.options_model, merged, problems)
