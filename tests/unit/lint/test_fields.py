"""Patterns that ask for what is never there, each with its line, its code and what to write instead."""

import pytest

from hub.lint import CODES, lint
from tests.unit.lint.conftest import FIRST, Found, Load

NEWS = "the events configuration.refused, delivery.dead, destination.down and 3 more of hub"
FAILED = "the events batch.failed of gemini"
ALL = "the events batch.cancelled, batch.expired, batch.failed and 7 more of gemini"


@pytest.mark.parametrize(
    ("when", "field", "there", "fix"),
    [
        (
            "{source: [gemini], type: [batch.failed], data: {error_mesage: [{prefix: x}]}}",
            "data.error_mesage",
            FAILED,
            "did you mean `error_message`? there is error_code, error_message, id",
        ),
        (
            "{source: [gemini], type: [batch.succeeded, batch.cancelled], data.error_message: [{exists: true}]}",
            "data.error_message",
            "the events batch.cancelled, batch.succeeded of gemini",
            "there is id, output_file_uri",
        ),
        ("{source: [gemini], data: {id: {x: [1]}}}", "data.id.x", ALL, "there is nothing inside it"),
        (
            "{source: [github], metadata: {repositry: [x]}}",
            "metadata.repositry",
            "the events of github",
            "did you mean `repository`? there is repository; a source's `metadata` maps more out of the body",
        ),
        (
            "{source: [hub], metadata: {severty: [error]}}",
            "metadata.severty",
            NEWS,
            "did you mean `severity`? there is count, destination, severity",
        ),
    ],
)
def test_a_field_that_no_event_has(found: Found, when: str, field: str, there: str, fix: str) -> None:
    assert found(f"{{id: a, to: db, when: {when}}}") == [
        f"hub.yaml:{FIRST}: no event that route `a` could take has `{field}`: {there} [unknown-field]\n  fix: {fix}"
    ]


@pytest.mark.parametrize(
    ("when", "there", "asked", "fix"),
    [
        (
            "{source: [gemini], type: [batch.failed], data: {error_message: [404]}}",
            f"`data.error_message` is text in {FAILED}",
            "a number",
            'write it in quotes: "404"',
        ),
        (
            '{source: [gemini], type: [batch.failed], data: {error_message: [{numeric: [">", 400]}]}}',
            f"`data.error_message` is text in {FAILED}",
            "a number",
            "compare with text",
        ),
        (
            '{source: [hub], metadata: {count: ["5"]}}',
            f"`metadata.count` is a number in {NEWS}",
            "text",
            "leave the quotes out",
        ),
        (
            "{subject: [null]}",
            "`subject` is text in the events of gemini, github, shop, hub",
            "null",
            "for events without it write {exists: false}",
        ),
        (
            "{type: [true]}",
            "`type` is text in the events of github, shop",
            "true or false",
            'write it in quotes: "true"',
        ),
        (
            "{source: [hub], data: {first: [x]}}",
            f"`data.first` is an object in {NEWS}",
            "text",
            "ask for what is inside it: `data.first.…`",
        ),
    ],
)
def test_a_value_that_is_never_there(found: Found, when: str, there: str, asked: str, fix: str) -> None:
    assert found(f"{{id: a, to: db, when: {when}}}") == [
        f"hub.yaml:{FIRST}: {there}, so this never matches: it asks for {asked} [wrong-type]\n  fix: {fix}"
    ]


def test_a_type_that_is_nearly_one_of_the_senders(found: Found) -> None:
    assert found("{id: a, to: db, when: {source: [gemini], type: [batch.suceeded]}}") == [
        (
            f"hub.yaml:{FIRST}: this matches nothing: gemini sends no type 'batch.suceeded' [unknown-type]\n"
            "  fix: write batch.succeeded"
        )
    ]


@pytest.mark.parametrize(
    "when",
    [
        "{source: [gemini], type: [batch.failed], data: {error_code: [404, INTERNAL], error_message: [{prefix: x}]}}",
        "{source: [gemini], data: {output_file_uri: [{prefix: gs}]}}",  # some types have it
        "{source: [gemini], type: [batch.paused], data: {reason: [x]}}",  # newer than the catalogue
        "{source: [gemini], type: [{prefix: batch.}], data: {error_message: [{exists: true}]}}",
        "{source: [gemini], type: [video.failed], data: {error_message: [{exists: true}]}}",  # of reconciliation
        "{source: [gemini], metadata: {priority: [high]}}",  # whatever a job's creator attached
        "{source: [gemini], body: {user_metadata: {a: {b: [1]}}}}",
        "{source: [shop, gemini], data: {anything: {at: [all]}}}",  # nobody knows what the shop sends
        "{source: [github], body: {action: [opened]}, metadata: {repository: [x]}}",
        "{data: {whatever: [1]}, metadata: {whatever: [1]}}",
        "{subject: [{exists: false}, x], id: [{anything-but: [1]}]}",
        "{source: [hub], metadata: {severity: [error], count: [{numeric: ['>', 1]}]}, data: {first: {error: [null]}}}",
    ],
)
def test_what_may_be_there_is_no_finding(found: Found, when: str) -> None:
    assert found(f"{{id: a, to: db, when: {when}}}") == []


def test_a_finding_has_the_line_of_the_value_itself(found: Found) -> None:
    (finding,) = found(
        "id: a\n    to: db\n    when:\n      source: [gemini]\n      type:\n        - batch.failed\n"
        "        - interaction.failed\n      data:\n        error_message:\n          - overloaded\n          - 404"
    )
    assert finding.startswith(f"hub.yaml:{FIRST + 10}: `data.error_message` is text")


def test_what_stands_in_alternatives_has_its_line_and_is_told_once(found: Found) -> None:
    (finding,) = found(
        "id: a\n    to: db\n    when:\n      source: [gemini]\n      $or:\n        - type: [batch.failed]\n"
        "        - type: [interaction.failed]\n      data:\n        $or:\n          - id: [x]\n"
        "          - error_message: [404]"
    )
    assert finding.startswith(f"hub.yaml:{FIRST + 10}: `data.error_message` is text in the events batch.failed")


def test_every_code_is_explained(load_text: Load) -> None:
    configuration = load_text("{id: a, to: db, when: {subject: [null], type: [1]}}", "{id: b, to: db}")
    assert {each.code for each in lint(configuration)} < set(CODES)
