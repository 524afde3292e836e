"""``hub check``: exit codes and what is said, with the built-in connectors."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli import group

GOOD = """\
version: 1
sources:
  door: {type: standard_webhooks, secrets: ["${DOOR_SECRET}"]}
destinations:
  db: {type: database, url: "sqlite:///events.db"}
routes:
  - {id: all, to: db}
tests:
  - {name: everything is kept, event: {source: door}, expect: [all]}
"""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

Check = Callable[..., Result]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOOR_SECRET", SECRET)

    def run(*arguments: str, text: str = GOOD) -> Result:
        Path("hub.yaml").write_text(text)
        return CliRunner().invoke(group, ["check", *arguments])

    return run


def test_a_good_configuration_passes(check: Check) -> None:
    result = check()
    assert result.exit_code == 0
    assert result.stdout.startswith("1 source, 1 destination, 1 route; 1 of 1 tests passed; revision ")
    assert result.stderr == ""


def test_problems_are_reported_with_their_lines_and_end_with_2(check: Check) -> None:
    result = check(text=GOOD.replace("to: db", "to: dbs").replace("version", "verison"))
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "hub.yaml: `version` is missing; expected `1`",
        "hub.yaml:1: unknown key `verison`; did you mean `version`?",
        "hub.yaml:7: there is no destination `dbs`; did you mean `db`?",
        "hub: 3 problems",
    ]


def test_a_failing_test_ends_with_1(check: Check) -> None:
    result = check(text=GOOD.replace("expect: [all]", "expect: []"))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:3] == [
        "hub.yaml:9: test failed: everything is kept",
        "  expected routes: none",
        "  matching routes: all",
    ]


def test_a_finding_ends_with_1(check: Check) -> None:
    text = GOOD.replace("{id: all, to: db}", "{id: all, to: db}\n  - {id: other, to: db, when: {source: [dor]}}")
    result = check(text=text)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == (
        "hub.yaml:8: this matches nothing: there is no source 'dor'; did you mean `door`? [unknown-source]"
    )


def test_a_finding_says_what_to_write_and_can_be_left_out(check: Check) -> None:
    text = GOOD.replace("{id: all, to: db}", "{id: all, to: db, when: {source: [door], subject: [null]}}")
    text = text.replace("event: {source: door}, expect: [all]", "event: {source: door}, expect: []")
    result = check(text=text)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:2] == [
        "hub.yaml:7: `subject` is text in the events of door, so this never matches: it asks for null [wrong-type]",
        "  fix: for events without it write {exists: false}",
    ]
    (finding,) = json.loads(check("--json", text=text).stdout)["findings"]
    assert (finding["code"], finding["line"], finding["fix"][:3]) == ("wrong-type", 7, "for")
    assert check("--ignore", "wrong-type", text=text).exit_code == 0
    assert check("--ignore", "no-such-code", text=text).exit_code == 2


class TestAgainst:
    def test_another_file(self, check: Check) -> None:
        Path("old.yaml").write_text(GOOD.replace("all", "everything"))
        result = check("--against", "old.yaml")
        assert result.exit_code == 1
        assert result.stdout.startswith("hub.yaml:7: route `everything` is called `all` now")

    def test_a_revision_of_git(self, check: Check) -> None:
        Path("hub.yaml").write_text(GOOD.replace("all", "everything"))
        for command in (
            ["init", "-q"],
            ["add", "hub.yaml"],
            ["-c", "user.name=n", "-c", "user.email=e@example.com", "commit", "-qm", "m"],
        ):
            subprocess.run(["git", *command], check=True, capture_output=True)
        assert "route `everything` is called `all` now" in check("--against", "HEAD").stdout
        assert check("--against", "HEAD", text=GOOD.replace("all", "everything")).exit_code == 0
        Path("other").mkdir()
        Path("other/hub.yaml").write_text(GOOD)
        missing = check("other/hub.yaml", "--against", "HEAD")
        assert (missing.exit_code, missing.stderr.splitlines()[-1]) == (
            2,
            "hub: --against: there is no other/hub.yaml in the revision HEAD of Git",
        )

    @pytest.mark.parametrize("revision", ["nonsense", "--output=x"])
    def test_what_is_neither_is_wrong_usage(self, check: Check, revision: str) -> None:
        result = check("--against", revision)
        assert result.exit_code == 2
        assert f"--against {revision}: neither a file nor a revision of Git" in result.stderr

    def test_one_that_was_broken_cannot_be_compared(self, check: Check) -> None:
        Path("old.yaml").write_text("version: 3\n")
        result = check("--against", "old.yaml")
        assert result.exit_code == 2
        assert "it cannot be used, so nothing can be compared with it\nold.yaml:1: `version`" in result.stderr

    def test_the_old_one_may_need_what_is_gone(self, check: Check) -> None:
        Path("old.yaml").write_text(GOOD.replace("all", "everything").replace("DOOR_SECRET", "OTHER_SECRET"))
        assert "route `everything` is called `all` now" in check("--against", "old.yaml").stdout


def test_without_the_secrets_it_can_still_be_checked(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOOR_SECRET")
    assert check().exit_code == 2
    assert check("--no-env").exit_code == 0


def test_connect_opens_every_destination_and_reports_each(check: Check) -> None:
    text = GOOD.replace("routes:", '  gone: {type: database, url: "postgresql://u:hunter2@127.0.0.1:1/d"}\nroutes:')
    result = check("--connect", text=text)
    assert result.exit_code == 1
    assert "db: opened (" in result.stdout
    assert "gone: " in result.stdout
    assert "hunter2" not in result.output
    assert Path(".hub/events.db").exists()


def test_nothing_is_opened_unless_asked(check: Check) -> None:
    assert check().exit_code == 0
    assert not Path(".hub").exists()


def test_json_says_the_same(check: Check) -> None:
    report = json.loads(check("--json", "--connect").stdout)
    assert report["ok"] is True
    assert (report["sources"], report["destinations"], report["routes"]) == (["door"], ["db"], ["all"])
    assert report["opened"][0]["destination"] == "db"
    failed = check("--json", text="version: 3\n")
    assert failed.exit_code == 2
    assert json.loads(failed.stdout) == {
        "ok": False,
        "problems": [{"file": "hub.yaml", "line": 1, "message": "`version`: expected 1, not '3'"}],
    }


def test_a_folder_is_checked_as_one(check: Check) -> None:
    Path("conf").mkdir()
    Path("conf/a.yaml").write_text(GOOD)
    Path("conf/b.yaml").write_text(
        "destinations:\n  screen: {type: console}\nroutes:\n  - {id: more, to: screen, when: {type: [x]}}\n"
    )
    assert check("conf").exit_code == 0
    assert check("--config", "conf").exit_code == 0


def test_a_configuration_that_is_not_there_names_what_writes_one(check: Check) -> None:
    result = check("nowhere.yaml")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0] == "nowhere.yaml: not found; `hub init` writes one"


@pytest.mark.parametrize("arguments", [("--no-env", "--connect"), ("a.yaml", "--config", "b.yaml")])
def test_what_cannot_be_meant_is_wrong_usage(check: Check, arguments: tuple[str, ...]) -> None:
    assert check(*arguments).exit_code == 2
