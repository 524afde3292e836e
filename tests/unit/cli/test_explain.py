"""``hub explain`` of an event in a file; those of the log are in ``tests/e2e/test_rules_on_the_log.py``."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli import group
from schemas.event_json import event_to_json
from tests.fixtures.project import make_event

TEXT = """\
version: 1
sources:
  github: {type: github, secrets: [s]}
destinations:
  db: {type: database, url: "sqlite:///events.db"}
  screen: {type: console}
routes:
  - {id: all, to: [db, screen]}
  - {id: loud, to: screen, when: {type: [push], body: {n: [{numeric: [">", 5]}]}}}
  - {id: asleep, to: screen, enabled: false}
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("hub.yaml").write_text(TEXT)

    def explain(*arguments: str, given: str | bytes | None = None) -> Result:
        return CliRunner().invoke(group, ["explain", *arguments], input=given)

    return explain


def test_every_route_says_whether_and_why_not(run: Run) -> None:
    Path("event.yaml").write_text("{source: github, type: push, subject: a/b, body: {n: 1}}")
    result = run("event.yaml")
    assert result.exit_code == 0
    first, _, *routes = (line.split() for line in result.stdout.splitlines())
    assert first == ["github", "push", "a/b"]
    assert routes == [
        ["yes", "all", "→", "db,", "screen", "hub.yaml:8"],
        ["no", "loud", "body.n:", "expected", '[{"numeric":', '[">",', "5]}],", "got", "1", "hub.yaml:9"],
        ["off", "asleep", "is", "not", "enabled", "hub.yaml:10"],
    ]


def test_json_has_the_condition_and_the_value(run: Run) -> None:
    found = json.loads(run("-", "--json", given="{source: github, type: pull, body: {n: 7}}").stdout)
    assert found["event"]["data"] == {"n": 7}
    assert [(each["route"], each["matches"], each["answer"]) for each in found["routes"]] == [
        ("all", True, "matches"),
        ("loud", False, "mismatch"),
        ("asleep", False, "disabled"),
    ]
    assert found["routes"][1]["failed"] == {"path": "type", "expected": '["push"]', "actual": '"pull"'}
    assert found["decision"] is None


def test_an_event_as_hub_events_shows_it(run: Run) -> None:
    event = make_event("e1", b'{"n": 6}')
    given = json.dumps(event_to_json(event, partition=0, offset=0), default=str)
    found = json.loads(run("-", "--json", given=given).stdout)
    assert [each["matches"] for each in found["routes"]] == [True, True, False]


def test_a_sender_does_not_write_to_the_terminal(run: Run) -> None:
    result = run("-", given=json.dumps({"source": "github", "type": "\x1b[31mred\u202e", "body": {"n": "\x07"}}))
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout
    assert "\u202e" not in result.stdout


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{type: push}", "nor one as in `tests:` (source: Field required)"),
        ("{source: github, tipe: push}", "tipe: Extra inputs are not permitted"),
        ("[1]", "nor one as in `tests:`"),
        ("{a: b: c}", "not valid YAML"),
        ('{"digest": "x"}', "not an event as a hub writes it"),
        ("", "is empty"),
    ],
)
def test_what_is_no_event_is_explained(run: Run, given: str, message: str) -> None:
    result = run("-", given=given)
    assert result.exit_code == 2
    assert message in result.stderr


def test_another_configuration_can_be_asked(run: Run) -> None:
    Path("other.yaml").write_text(TEXT.replace("type: [push], ", ""))
    found = json.loads(run("-", "--json", "--config", "other.yaml", given="{source: github, body: {n: 6}}").stdout)
    assert [each["matches"] for each in found["routes"]] == [True, True, False]


def test_an_event_of_the_log_needs_the_log(run: Run) -> None:
    result = run("no-such-file")
    assert result.exit_code == 1
    assert "no Kafka" in result.stderr
