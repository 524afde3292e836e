"""``tests:`` of ``hub.yaml``: which routes an event must match. Read by the loader, run by ``hub check``."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from hub.config.model import Configuration, Route, RoutingTest, SourceEntry, Where
from hub.config.names import check_known
from hub.config.nodes import Node
from hub.config.problems import Problems
from hub.config.validation import validate
from hub.config.written import WrittenEvent, WrittenTest
from hub.rules import explain


@dataclass(frozen=True, slots=True)
class TestFailure:
    """A test whose event matches other routes than it expects. ``reasons`` say why expected ones do not match."""

    __test__ = False  # pytest takes classes of this name for its own

    where: Where
    name: str
    expected: tuple[str, ...]
    actual: tuple[str, ...]
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        expected, actual = (", ".join(ids) or "none" for ids in (self.expected, self.actual))
        lines = (f"expected routes: {expected}", f"matching routes: {actual}", *self.reasons)
        return "\n  ".join((f"{self.where}: test failed: {self.name}", *lines))


def read_tests(
    node: Node, sources: Mapping[str, SourceEntry], names: Collection[str], routes: Collection[str], problems: Problems
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
        source = sources.get(written.event.source)
        member = source.connector.payload_member if source else None
        tests.append(RoutingTest(written.name, document(written.event, member), tuple(written.expect), element.where))
    return tests


def document(event: WrittenEvent, payload_member: str | None) -> dict[str, Any]:
    """The event as ``schemas.document.Document`` would show it, had it come through the source."""
    shown: dict[str, Any] = {"endpoint": "", "metadata": {}} | event.model_dump(exclude_unset=True)
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
    routes = {route.id: route for route in configuration.routes}
    failures = []
    for test in configuration.tests:
        actual = tuple(route.id for route in routes.values() if _mismatch(route, test.event) is None)
        if actual != test.expect:
            missing = (routes[route] for route in test.expect if route not in actual)
            reasons = tuple(f"{route.id} {_mismatch(route, test.event)}" for route in missing)
            failures.append(TestFailure(test.where, test.name, test.expect, actual, reasons))
    return failures


def _mismatch(route: Route, event: Mapping[str, Any]) -> str | None:
    """Why a route does not match: the field, never its value, which may have come from a variable."""
    if not route.enabled:
        return "is not enabled"
    if route.when is None:
        return None
    mismatch = explain(route.when, event)
    return None if mismatch is None else f"does not match: see `{mismatch.path}`"
