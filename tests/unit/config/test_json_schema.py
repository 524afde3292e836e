"""The JSON Schema of ``hub.yaml``: every example of ours is right by it, and what is plainly wrong is not."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from connectors.registry import Registry
from hub.config.composing import parse
from hub.config.json_schema import render_schema
from hub.config.pattern_schema import OPERATORS
from hub.rules.operators import LANGUAGE, NAMES, Definition
from tests.unit.config import test_load

ROOT = Path(__file__).parents[3]
GOOD = """\
version: 1
x-anything: [1]
log: {partitions: "${PARTITIONS}", durability: "${DURABILITY:-fsync}"}
status: {url: {file: secrets/status}}
sources:
  door: {type: standard_webhooks, secrets: [{file: secret}, "${OTHER:-}"], max_body: 2MB}
  jobs: {type: gemini-dynamic, scheme: v1a}
destinations:
  db: {type: database, url: {file: secrets/db}, timeout: 5s, retry: {max_attempts: "${N}"}, batch: {max_records: 10}}
  screen: {type: console, isolate: no, rate_limit: 0.5, concurrency: "3"}
routes:
  - {id: all, to: db}
  - id: some
    when:
      {type: [{prefix: a}, b], data: {n: [1, true, null, {numeric: [">", 0]}], a: {b: [{exists: false}]}}, body.x: [y]}
    to: [db, screen]
    with: {screen: {text: "{{ type }}"}}
    enabled: "${ENABLED}"
tests:
  - {name: it, event: {source: door, data: 1}, expect: [all], renders: {all: {screen: {text: x}}}}
"""


@cache
def validator() -> Draft202012Validator:
    schema = render_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def faults(text: str) -> list[str]:
    return [error.message for error in validator().iter_errors(parse(text, "hub.yaml").plain())]


def examples() -> Iterator[tuple[str, str]]:
    """Name and text."""
    yield "every kind of value", GOOD
    for path in sorted((ROOT / "hub/cli/templates").glob("*.yaml")):
        yield path.name, path.read_text()
    for number, block in enumerate(
        re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    ):
        yield f"README {number}", block


@pytest.mark.parametrize(("name", "text"), list(examples()))
def test_what_is_right_is_right_by_the_schema(name: str, text: str) -> None:
    assert faults(text) == []


@pytest.mark.parametrize(
    ("was", "broken"),
    [
        ("version: 1", "version: 2"),
        ("version: 1\n", "version: 1\nrouts: []\n"),
        ("max_body: 2MB", "max_bodi: 2MB"),
        ("scheme: v1a", "scheme: v2"),
        ("type: console", "type: consol"),
        ("{type: console, ", "{"),
        ("type: database, url: {file: secrets/db}", "type: database"),
        ("url: {file: secrets/db}", "url: {files: secrets/db}"),
        ("isolate: no", "isolate: perhaps"),
        ("max_records: 10", "max_records: 0"),
        ("max_records: 10", "max_record: 10"),
        ("rate_limit: 0.5", "rate_limit: fast"),
        ("id: all", "id: All"),
        ("{id: all, to: db}", "{id: all}"),
        ("to: [db, screen]", "to: [db, 5]"),
        ("{prefix: a}, b", "{prefix: 1}"),
        ("{prefix: a}, b", "{prefx: a}"),
        ("type: [{prefix: a}, b]", "type: b"),
        ("type: [{prefix: a}, b]", "typ: [b]"),
        ("{exists: false}", "{exists: maybe}"),
        ("expect: [all]", "expect: all"),
        ("source: door, data", "sorce: door, data"),
        ("  door:", "  Door:"),
        ('partitions: "${PARTITIONS}"', "partitions: many"),
    ],
)
def test_what_is_plainly_wrong_is_found(was: str, broken: str) -> None:
    assert was in GOOD
    assert faults(GOOD.replace(was, broken, 1))


def test_defaults_are_as_they_would_be_written() -> None:
    definitions = render_schema()["$defs"]
    assert definitions["DeliverySettings"]["properties"]["timeout"]["default"] == "30s"
    assert definitions["RetryDelays"]["properties"]["delays"]["default"] == ["5s", "30s", "5m", "30m", "2h", "6h"]


def test_a_broken_plugin_does_not_break_the_schema(registry: Registry) -> None:
    schema = render_schema(registry)
    known = schema["properties"]["destinations"]["anyOf"][0]["additionalProperties"]["properties"]["type"]["anyOf"][0]
    assert known == {"enum": ["pager", "store"]}
    whole = parse(test_load.WHOLE, "hub.yaml").plain()
    assert [error.message for error in Draft202012Validator(schema).iter_errors(whole)] == []


def test_only_the_built_in_ones_are_in_the_stored_schema(registry: Registry) -> None:
    schema: Any = render_schema(registry, builtin=True)
    sources = schema["properties"]["sources"]["anyOf"][0]["additionalProperties"]
    assert sources["properties"]["type"]["anyOf"][0] == {"enum": ["bell"]}


def test_the_operators_are_those_of_the_language() -> None:
    assert sorted(OPERATORS) == sorted(NAMES)


@pytest.mark.parametrize("row", LANGUAGE, ids=lambda row: row.name)
def test_every_row_of_the_language_is_right_by_the_schema(row: Definition) -> None:
    assert errors_of_pattern({"data": {"a": [row.entry]}}) == []


def test_alternatives_are_right_by_the_schema() -> None:
    both = [{"a": ["x"]}, {"b.c": [{"exists": False}]}]
    assert errors_of_pattern({"$or": [{"type": ["a"]}, {"metadata": {"$or": both}}], "data": {"$or": both}}) == []
    assert errors_of_pattern({"$or": [{"type": ["a"]}]})
    assert errors_of_pattern({"data": {"$or": {"a": ["x"]}}})


def errors_of_pattern(when: Any) -> list[str]:
    written = {"version": 1, "routes": [{"id": "a", "to": "b", "when": when}]}
    return [error.message for error in validator().iter_errors(written)]
