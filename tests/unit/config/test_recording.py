"""Recorded tests: what a sender wrote is text in them, and what stood in the file stays as it was."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.config.composing import parse
from hub.config.problems import Problems
from hub.config.recording import RecordingError, with_test
from hub.config.variables import Variables

TEST = {"name": "a job", "event": {"source": "door"}, "expect": ["all"]}
WRITTEN = '  - name: "a job"\n    event: {source: door}\n    expect: [all]\n'

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["no", "1.10", "0x1f", "~", "<<", "${HOME}", "$$5", "$${", "- a", "# no", "a: b", "{{ x }}", "!x"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def expanded(text: str) -> Any:
    """As the loader reads it, with no variable set."""
    problems = Problems()
    node = Variables({}, Path(".env"), problems).expand(parse(text, "hub.yaml"))
    problems.raise_any()
    return node.plain()


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_an_event_is_read_back_as_it_was(body: dict[str, Any]) -> None:
    made, _ = with_test("version: 1\n", {**TEST, "event": {"source": "door", "body": body}})
    assert expanded(made)["tests"][0]["event"]["body"] == body


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1\n", "version: 1\ntests:\n" + WRITTEN),
        ("version: 1", "version: 1\ntests:\n" + WRITTEN.rstrip("\n")),
        ("version: 1\ntests:\nroutes: []\n", "version: 1\ntests:\n" + WRITTEN + "routes: []\n"),
        (
            "tests:   # all of them\n  - {name: x}   # this\n\n\n# Where to.\nroutes: [ ]\n",
            "tests:   # all of them\n  - {name: x}   # this\n" + WRITTEN + "\n\n# Where to.\nroutes: [ ]\n",
        ),
        (
            "tests:\n- name: x\n  event:\n    body: |\n      # text\n\n# the end\n",
            (
                "tests:\n- name: x\n  event:\n    body: |\n      # text\n"
                '- name: "a job"\n  event: {source: door}\n  expect: [all]\n'
                "\n# the end\n"
            ),
        ),
        ("a: 1\r\ntests:\r\n  - {name: x}\r\n", "a: 1\r\ntests:\r\n  - {name: x}\r\n" + WRITTEN.replace("\n", "\r\n")),
    ],
)
def test_everything_else_stays_as_it_was(before: str, after: str) -> None:
    made, line = with_test(before, TEST)
    assert made == after
    assert made.split("\n")[line - 1].strip() == '- name: "a job"'


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("tests: [{name: x}]\n", "`tests` is written in brackets"),
        ("tests: []\n", "`tests` is written in brackets"),
        ("tests: ~\n", "could not be read"),
        ("tests:\n  - a: |+\n      keep\n\n\n\n", "write it by hand"),
    ],
)
def test_a_file_that_would_be_another_afterwards_is_left_alone(before: str, reason: str) -> None:
    with pytest.raises(RecordingError, match=reason):
        with_test(before, TEST)


def test_an_event_that_is_larger_than_a_file_may_be_is_refused() -> None:
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    for body in (deep, ["x" * 100] * 11_000):
        with pytest.raises(RecordingError, match="could not be read"):
            with_test("version: 1\n", {**TEST, "event": {"source": "door", "body": body}})
