"""``hub test``: what it runs and says."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli import group

TEXT = """\
version: 1
sources:
  door: {type: standard_webhooks, secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}
destinations:
  screen: {type: console, text: "{{ type }} of {{ source }}"}
  chat: {type: slack, webhook_url: "https://hooks.slack.com/services/x"}
  other: {type: http, url: "https://example.com/"}
routes:
  - {id: all, to: screen}
  - id: loud
    when: {data: {volume: [high]}}
    to: [screen, chat, other]
    with:
      screen: {text: "so loud:\\n{{ data.who }}"}
      chat: {text: "<!here> {{ data.who }}"}
      other: {body: {who: "{{ data.who }}", level: 1}}
tests:
  - name: a whisper is shown
    event: {source: door, type: ping, data: {volume: low}}
    expect: [all]
  - name: a shout is heard
    event: {source: door, type: ping, data: {volume: high, who: <!channel>}}
    expect: [all, loud]
    renders:
      all: {screen: {text: ping of door}}
      loud:
        screen: {text: "so loud:\\n<!channel>"}
        chat: {text: "<!here> &lt;!channel&gt;"}
        other: {body: {who: <!channel>, level: 1}}
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def test(*arguments: str, text: str = TEXT) -> Result:
        Path("hub.yaml").write_text(text)
        return CliRunner().invoke(group, ["test", *arguments])

    return test


def test_every_test_has_a_line(run: Run) -> None:
    result = run()
    assert result.exit_code == 0
    *tests, summary = result.stdout.splitlines()
    assert tests == ["pass  a whisper is shown", "pass  a shout is heard"]
    assert summary.startswith("2 passed, 0 failed; revision ")


def test_a_text_that_is_another_is_shown_beside_the_expected_one(run: Run) -> None:
    result = run(text=TEXT.replace('text: "so loud:', 'text: "very loud:', 1).replace("level: 1}}}", "level: 2}}}"))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:-1] == [
        "FAIL  a shout is heard  (hub.yaml:21)",
        "      loud → screen, text:",
        "          - so loud:",
        "          + very loud:",
        "            <!channel>",
    ]


def test_what_is_fetched_and_what_is_made_of_it_can_be_tested(run: Run) -> None:
    result = run(
        text="""\
version: 1
sources: {jobs: {type: gemini, secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw], api_key: k}}
destinations: {screen: {type: console}}
routes:
  - id: answers
    to: screen
    when: {source: [jobs]}
    enrich: gemini-result
    transform: "{name: data.id}"
    with: {screen: {text: "{{ data.name }}: {{ result.answer }}"}}
tests:
  - name: an answer is shown
    event: {source: jobs, type: batch.succeeded, data: {id: "7"}}
    expect: [answers]
    result: {answer: 42}
    renders: {answers: {screen: {text: "7: 42"}}}
"""
    )
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "pass  an answer is shown"), result.output


def test_other_routes_are_shown_with_the_reason(run: Run) -> None:
    result = run(text=TEXT.replace("expect: [all]\n", "expect: [all, loud]\n", 1))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:4] == [
        "FAIL  a whisper is shown  (hub.yaml:18)",
        "      expected routes: all, loud",
        "      matching routes: all",
        "      loud does not match: see `data.volume`",
    ]


def test_a_template_that_fails_for_the_event_is_a_failure(run: Run) -> None:
    result = run(text=TEXT.replace("{{ type }} of {{ source }}", "{{ data.volume + 1 }}"))
    assert result.exit_code == 1
    assert "all → screen, text: template '{{ data.volume + 1 }}' cannot be rendered: " in result.stdout


def test_some_of_them_by_name(run: Run) -> None:
    result = run("-k", "SHOUT")
    assert result.stdout.splitlines()[0] == "pass  a shout is heard"
    assert "1 passed, 0 failed, 1 left out" in result.stdout
    nobody = run("-k", "scream")
    assert (nobody.exit_code, nobody.stderr) == (2, "hub: no test has 'scream' in its name; there are 2 others\n")


def test_a_file_without_tests_says_how_to_get_one(run: Run) -> None:
    result = run(text=TEXT.partition("tests:")[0])
    assert (result.exit_code, result.stdout) == (0, "")
    assert "`hub test --record ID` makes one" in result.stderr


def test_json_has_all_of_it(run: Run) -> None:
    found = json.loads(run("--json", text=TEXT.replace("ping of door", "ping")).stdout)
    assert found["ok"] is False
    whisper, shout = found["tests"]
    assert whisper == {"name": "a whisper is shown", "file": "hub.yaml", "line": 18, "passed": True}
    assert shout["passed"] is False
    assert shout["renders"] == [
        {
            "route": "all",
            "destination": "screen",
            "option": "text",
            "expected": "ping",
            "actual": "ping of door",
            "error": None,
        }
    ]


def test_check_runs_them_too(run: Run) -> None:
    run(text=TEXT.replace("ping of door", "ping"))
    checked = CliRunner().invoke(group, ["check"])
    assert checked.exit_code == 1
    assert "hub.yaml:21: test failed: a shout is heard\n  all → screen, text:\n    - ping\n" in checked.stdout


@pytest.mark.parametrize(
    ("was", "written", "problem"),
    [
        ("all: {screen", "al: {screen", "hub.yaml:25: `renders` has the route `al`, which `expect` does not have"),
        ("all: {screen", "all: {chat", "hub.yaml:25: route `all` does not go to `chat`; there is screen"),
        (
            "{screen: {text: ping",
            "{screen: {txt: ping",
            "hub.yaml:25: `screen` renders no `txt` for a route; did you mean",
        ),
        ("all: {screen: {text: ping of door}}", "all: 3", "hub.yaml:25: `renders.all`: expected a mapping"),
    ],
)
def test_what_cannot_be_rendered_is_a_mistake_with_its_line(run: Run, was: str, written: str, problem: str) -> None:
    result = run(text=TEXT.replace(was, written))
    assert result.exit_code == 2
    assert result.stderr.startswith(problem)


@pytest.mark.parametrize("arguments", [("--renders",), ("--name", "x"), ("--record", "x", "--json")])
def test_what_cannot_be_meant_is_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2
