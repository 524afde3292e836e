"""``routes:`` → Route: patterns compiled, options merged over the destination's, references checked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.api import Options
from hub.config.destinations import Configured, layered
from hub.config.model import Finding, Route, Target, Where
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
    """What a route refers to. The names include entries that have problems of their own, and the hub as a source."""

    sources: Collection[str]
    destinations: Collection[str]
    configured: Mapping[str, Configured]


def read_routes(node: Node, around: Surroundings, problems: Problems) -> tuple[list[Route], list[Finding]]:
    """Every route that is right, and what is probably a mistake; what certainly is one is in the problems."""
    routes: list[Route] = []
    findings: list[Finding] = []
    seen: dict[str, Where] = {}
    for element in node.elements():
        written = validate(WrittenRoute, element, problems)
        if "when" in element.items() and element.at(["when"]).value is None:
            problems.add(element.at(["when"]).where, "`when` is empty; leave it out to match every event")
        pattern = _pattern(element, problems)
        findings += _unknown_sources(element, around.sources)
        check_known("destination", _destinations(element), around.destinations, problems)
        targets = _targets(element, written, around, problems)
        if written is None:
            continue
        if written.id in seen:
            problems.add(
                element.at(["id"]).where, f"route `{written.id}` is already defined in {seen[written.id]}; keep one"
            )
        seen.setdefault(written.id, element.at(["id"]).where)
        routes.append(_route(written, pattern, targets, element.where))
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


def _route(written: WrittenRoute, pattern: Pattern | None, targets: tuple[Target, ...], where: Where) -> Route:
    return Route(
        id=written.id,
        when=pattern,
        to=targets,
        where=where,
        enabled=written.enabled,
        order=written.order,
        priority=Lane(written.priority.source) if written.priority.source in PRIORITIES else written.priority,
        stale_after=written.stale_after,
        once_per=written.once_per,
        was=written.was,
        description=written.description,
        labels=written.labels,
    )


def _pattern(element: Node, problems: Problems) -> Pattern | None:
    when = element.items().get("when")
    if when is None or when.value is None:
        return None
    try:
        return parse(when.plain())
    except InvalidPatternError as error:
        problems.add(when.at(error.path).where, f"`{show(('when', *error.path))}`: {error.reason}")
        return None


def _unknown_sources(element: Node, sources: Collection[str]) -> list[Finding]:
    when = element.items().get("when")
    named = when.at(["source"]).elements() if when and "source" in when.items() else ()
    return [
        Finding(
            each.where,
            "unknown-source",
            f"this matches nothing: there is no source {each.written!r}{did_you_mean(each.written, sources)}",
        )
        for each in named
        if isinstance(each.value, str) and not each.unset and each.value not in sources
    ]


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
            targets.append(Target(name, options, retry))
    return tuple(targets)


def _options(configured: Configured, given: Node | None, to: Node, problems: Problems) -> Options | None:
    if given is not None and not given.is_mapping:
        return None  # WrittenRoute has reported it
    own: Mapping[str, Any] = given.items() if given else {}
    if given is not None and refuse_files(configured.connector.options_model, given, problems):
        return None
    merged = Node.collection((given or to).where, {**configured.options, **own})
    return validate(configured.connector.options_model, merged, problems)
