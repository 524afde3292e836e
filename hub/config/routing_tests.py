"""``tests:`` of ``hub.yaml``: which routes an event must match, and what they say of it. Read by the loader, run by
``hub check`` and ``hub test``.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import ndiff
from typing import Any

from connectors.api import BadRecordError
from hub.config.deciding import Rules
from hub.config.model import Configuration, RoutingTest, SourceEntry, Where
from hub.config.names import check_known
from hub.config.nodes import Node
from hub.config.problems import Problems, did_you_mean
from hub.config.rendering import Renderings, rendered, transformed
from hub.config.validation import validate
from hub.config.verdicts import verdicts
from hub.config.written import WrittenEvent, WrittenTest


@dataclass(frozen=True, slots=True)
class Difference:
    """What a template of a route comes to, and what a test expects. ``error``: it comes to nothing at all."""

    route: str
    destination: str
    option: str
    expected: Any
    actual: Any
    error: str | None = None

    def __str__(self) -> str:
        place = f"{self.route} → {self.destination}, {self.option}:"
        if self.error is not None:
            return f"{place} {self.error}"
        lines = ndiff(_lines(self.expected), _lines(self.actual))
        return "\n    ".join((place, *(line.rstrip("\n") for line in lines if not line.startswith("?"))))


@dataclass(frozen=True, slots=True)
class TestFailure:
    """A test whose event matches other routes than it expects, or of which they say something else. ``reasons`` say why
    expected routes do not match.
    """

    __test__ = False  # pytest takes classes of this name for its own

    where: Where
    name: str
    expected: tuple[str, ...]
    actual: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()

    def __str__(self) -> str:
        return "\n  ".join((f"{self.where}: test failed: {self.name}", *self.details))

    @property
    def details(self) -> tuple[str, ...]:
        """What is other than expected; ``-`` stands before what was expected, ``+`` before what is."""
        expected, actual = (", ".join(ids) or "none" for ids in (self.expected, self.actual))
        routes = (f"expected routes: {expected}", f"matching routes: {actual}", *self.reasons)
        return (*(routes if self.expected != self.actual else ()), *map(str, self.differences))


def read_tests(
    node: Node,
    sources: Mapping[str, SourceEntry],
    names: Collection[str],
    routes: Collection[str],
    renderings: Renderings,
    problems: Problems,
) -> list[RoutingTest]:
    """Every test that is right. ``names`` are the sources' (and the hub's own), ``routes`` the routes' ids."""
    tests = []
    for element in node.elements():
        written = validate(WrittenTest, element, problems)
        check_known("route", element.at(["expect"]).elements(), routes, problems)
        event = element.at(["event"])
        if "source" in event.items():
            check_known("source", [event.at(["source"])], names, problems)
        if written is None:
            continue
        _check_renders(element.at(["renders"]), written, renderings, problems)
        source = sources.get(written.event.source)
        member = source.connector.payload_member if source else None
        tests.append(
            RoutingTest(
                written.name,
                document(written.event, member),
                tuple(written.expect),
                element.where,
                written.renders,
                written.result,
            )
        )
    return tests


def _check_renders(node: Node, written: WrittenTest, renderings: Renderings, problems: Problems) -> None:
    for route, destinations in node.items().items() if written.renders else ():
        if route not in written.expect:
            problems.add(destinations.where, f"`renders` has the route `{route}`, which `expect` does not have")
            continue
        to = renderings.get(route, {})
        for destination, options in destinations.items().items():
            if destination not in to:
                problems.add(
                    options.where, f"route `{route}` does not go to `{destination}`{_instead(destination, to)}"
                )
                continue
            for option, value in options.items().items():
                if option not in to[destination]:
                    hint = _instead(option, to[destination])
                    problems.add(value.where, f"`{destination}` renders no `{option}` for a route{hint}")


def _instead(name: str, known: Collection[str]) -> str:
    return did_you_mean(name, known) or f"; there is {', '.join(known) or 'none'}"


def document(event: WrittenEvent, payload_member: str | None) -> dict[str, Any]:
    """The event as ``schemas.document.Document`` would show it, had it come through the source."""
    absent: dict[str, Any] = {"endpoint": "", "metadata": {}, "headers": {}, "verified": {}}
    shown = absent | event.model_dump(exclude_unset=True)
    shown["headers"] = {name.lower(): value for name, value in shown["headers"].items()}
    if "body" in shown and "data" not in shown:
        body = shown["body"]
        if payload_member is None:
            shown["data"] = body
        elif isinstance(body, dict) and payload_member in body:
            shown["data"] = body[payload_member]
    elif "data" in shown and "body" not in shown:
        shown["body"] = shown["data"] if payload_member is None else {payload_member: shown["data"]}
    return shown


def run_tests(configuration: Configuration) -> list[TestFailure]:
    """The tests that fail. Pure: nothing is sent anywhere."""
    return [failure for _, failure in results_of(configuration, configuration.tests) if failure is not None]


def results_of(
    configuration: Configuration, tests: Iterable[RoutingTest]
) -> Iterator[tuple[RoutingTest, TestFailure | None]]:
    """Each with what is other than it expects; None: it holds."""
    rules = Rules(configuration)
    return ((test, _failure(configuration, test, rules)) for test in tests)


def _failure(configuration: Configuration, test: RoutingTest, rules: Rules) -> TestFailure | None:
    actual = tuple(route.id for route in rules.routes(test.event))
    if actual != test.expect:
        said = {each.route.id: each.reason for each in verdicts(configuration, test.event, rules)}
        reasons = tuple(f"{route} {said[route]}" for route in test.expect if said.get(route))
        return TestFailure(test.where, test.name, test.expect, actual, reasons)
    differences = tuple(_differences(configuration, test))
    return TestFailure(test.where, test.name, test.expect, actual, (), differences) if differences else None


def matching(configuration: Configuration, event: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of the routes that match a document, in the order of the file."""
    return tuple(route.id for route in Rules(configuration).routes(event))


def _differences(configuration: Configuration, test: RoutingTest) -> Iterator[Difference]:
    for route in configuration.routes:
        for target in route.to:
            expected = test.renders.get(route.id, {}).get(target.destination)
            if expected is None:
                continue
            result = {} if route.enrich is None else {"result": test.result}
            try:
                seen = transformed(route, {**test.event, **result})
                actual = rendered(target, configuration.destinations[target.destination], seen)
            except BadRecordError as error:
                yield from (
                    Difference(route.id, target.destination, name, text, None, str(error))
                    for name, text in expected.items()
                )
                continue
            for name, text in expected.items():
                if actual.get(name) != text:
                    yield Difference(route.id, target.destination, name, text, actual.get(name))


def _lines(value: Any) -> list[str]:
    """A text as it is, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return text.split("\n")
