"""``tests:`` of ``hub.yaml``: which routes an event must match. Read by the loader, run by ``hub check``."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from hub.config.model import Configuration, RoutingTest, SourceEntry, Where
from hub.config.names import check_known
from hub.config.nodes import Node
from hub.config.problems import Problems
from hub.config.validation import validate
from hub.config.written import WrittenEvent, WrittenTest


@dataclass(frozen=True, slots=True)
class TestFailure:
    """A test whose event matches other routes than it expects."""

    __test__ = False  # pytest takes classes of this name for its own

    where: Where
    name: str
    expected: tuple[str, ...]
    actual: tuple[str, ...]

    def __str__(self) -> str:
        expected, actual = (", ".join(ids) or "none" for ids in (self.expected, self.actual))
        return f"{self.where}: test failed: {self.name}\n  expected routes: {expected}\n  matching routes: {actual}"


def read_tests(
    node: Node, sources: Mapping[str, SourceEntry], names: Collection[str], routes: Collection[str], problems: Problems
) -> list[RoutingTest]:
    """Every test that is right. ``names`` are the sources', ``routes`` the routes' ids."""
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
    failures = []
    for test in configuration.tests:
        actual = tuple(
            route.id
            for route in configuration.routes
            if route.enabled and (route.when is None or route.when.matches(test.event))
        )
        if actual != test.expect:
            failures.append(TestFailure(test.where, test.name, test.expect, actual))
    return failures
