"""YAML as it is written and as it is meant: words that older YAML takes for something else, doubles, and bombs."""

from collections.abc import Callable

import pytest

from hub.config.composing import parse
from tests.unit.config.conftest import Load

ProblemsOf = Callable[..., list[str]]

BASE = """\
version: 1
sources:
  no: {type: bell, secrets: [off]}
destinations:
  on: {type: store, url: y, table: no, sync: yes}
  ring: {type: pager, room: on, loud: no}
routes:
  - id: off
    when: {source: [no], type: [on, 1.0.0, 2026-01-22, 0o17], metadata: {country: [no, NO, ~]}}
    to: on
    labels: {smoking: no, since: 2026-01-22, at: 12:30}
    enabled: yes
tests:
  - {name: no, event: {source: no, type: on, metadata: {country: no}}, expect: [off]}
"""


def test_words_are_text_wherever_text_is_expected(load_text: Load) -> None:
    found = load_text(BASE)
    assert list(found.sources) == ["no"]
    (route,) = found.routes
    assert (route.id, [target.destination for target in route.to], dict(route.labels)) == (
        "off",
        ["on"],
        {"smoking": "no", "since": "2026-01-22", "at": "12:30"},
    )
    assert route.when is not None
    seen = {"source": "no", "type": "on", "metadata": {"country": "no"}}
    assert route.when.matches(seen)
    assert route.when.matches({**seen, "type": "2026-01-22", "metadata": {"country": None}})
    assert not route.when.matches({**seen, "metadata": {"country": False}})
    assert [(test.name, test.expect) for test in found.tests] == [("no", ("off",))]


def test_words_are_truths_where_a_truth_is_expected(load_text: Load) -> None:
    found = load_text(BASE)
    assert found.routes[0].enabled
    assert getattr(found.destinations["on"].config, "sync") is True  # noqa: B009  (the base model has none)
    assert not load_text(BASE.replace("enabled: yes", "enabled: off")).routes[0].enabled


@pytest.mark.parametrize(
    ("was", "written", "problem"),
    [
        (
            "table: no",
            "table: 1.10",
            'hub.yaml:5: `table`: expected text, but 1.10 is a number; put it in quotes: "1.10"',
        ),
        (
            "smoking: no",
            "smoking: false",
            'hub.yaml:11: `labels.smoking`: expected text, but false is true or false; put it in quotes: "false"',
        ),
        ("enabled: yes", "enabled: perhaps", "hub.yaml:12: `enabled`: expected true or false, not 'perhaps'"),
        (
            "  - id: off\n",
            "  - id: 007\n",
            'hub.yaml:8: `id`: expected text, but 007 is a number; put it in quotes: "007"',
        ),
        (
            "{country: no}}",
            "{country: no, country: yes}}",
            "hub.yaml:14: `country` stands here twice, first in line 14; keep one",
        ),
        ("labels:", '"to": ring\n    labels:', "hub.yaml:11: `to` stands here twice, first in line 10; keep one"),
        ("  no: {type", "  1: {type", "hub.yaml:3: the key 1 is not text; put it in quotes: '1'"),
        ("  no: {type", "  null: {type", "hub.yaml:3: the key null is not text; put it in quotes: 'null'"),
        ("room: on", "room: !!str on", "hub.yaml:6: tags are refused; a text that begins with ! must be in quotes"),
        (
            "room: on",
            "room: *hall",
            "hub.yaml:6: this alias has no anchor before it; a text that begins with * must be in quotes",
        ),
    ],
)
def test_what_is_not_right_has_its_line(problems_of: ProblemsOf, was: str, written: str, problem: str) -> None:
    assert was in BASE
    found = problems_of(BASE.replace(was, written, 1))
    assert problem in found


def test_a_key_may_be_given_again_over_what_it_is_merged_with(load_text: Load) -> None:
    text = BASE.replace("sources:", "x-on: &on {type: store, url: y, table: a}\nsources:")
    found = load_text(text.replace("{type: store, url: y, table: no, sync: yes}", "{<<: *on, table: b}"))
    assert getattr(found.destinations["on"].config, "table") == "b"  # noqa: B009


def test_a_long_text_that_is_meant_a_thousand_times_is_a_bomb(problems_of: ProblemsOf) -> None:
    # few values, and yet gigabytes once each of them has its variables put in
    text = 'x: &long "' + "$$" * 100_000 + '"\ny: [' + ", ".join(["*long"] * 1000) + "]\n"
    assert problems_of("version: 1\n" + text) == [
        "hub.yaml:3: more than 100000 values, aliases counted in full; refused"
    ]


def test_numbers_are_exact_however_long() -> None:
    written = "[1, -0, 18446744073709551616, 0x10, 0o17, 1e3, 010, 1e23, -1.5e400]"
    assert parse(written, "").plain() == [1, 0, 2**64, 16, 15, 1000.0, 10, 10**23, -15 * 10**399]
    assert parse("[.inf, -.INF, 1e9999]", "").plain() == [float("inf"), float("-inf"), float("inf")]
    assert str(parse(".nan", "").plain()) == "nan"


def test_a_name_that_no_file_can_have_is_a_problem(problems_of: ProblemsOf) -> None:
    (problem,) = problems_of('version: 1\nstatus: {url: {file: "a\\0b"}}\n')
    assert problem.startswith("hub.yaml:2: the secret's file ")
    assert problem.endswith("cannot be read: no file has such a name")
