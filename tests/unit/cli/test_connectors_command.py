"""``hub connectors``: what is installed, who brought it, and what each takes."""

import json
from importlib.metadata import EntryPoint

import pytest
from click.testing import CliRunner, Result

from connectors.registry import Kind, Registration, Registry
from hub.cli import group


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["connectors", *arguments], env={"COLUMNS": "200"})


@pytest.fixture
def _broken_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("pager", "no_such_module:Pager", Kind.DESTINATION.group)
    found = [each for kind in Kind for each in Registry.installed().registrations(kind)]
    registry = Registry([*found, Registration(Kind.DESTINATION, "pager", "hub-pager", "2.0", broken)])
    monkeypatch.setattr(Registry, "installed", lambda: registry)


def test_all_are_listed_with_their_origin_and_effect() -> None:
    rows = json.loads(run("--json").stdout)
    effects = {(row["kind"], row["name"]): (row["origin"], row["effect"]) for row in rows}
    assert effects["destination", "database"] == ("built in", "idempotent")
    assert effects["destination", "slack"] == ("built in", "notify")
    assert effects["source", "gemini"] == ("built in", None)
    assert all(row["summary"] and row["error"] is None for row in rows)
    table = run()
    assert table.exit_code == 0
    assert all(row["name"] in table.stdout for row in rows)


@pytest.mark.usefixtures("_broken_plugin")
def test_a_broken_plugin_is_listed_with_its_reason_and_stops_nothing() -> None:
    result = run("--json")
    assert result.exit_code == 0
    (row,) = [row for row in json.loads(result.stdout) if row["name"] == "pager"]
    assert row["origin"] == "hub-pager 2.0"
    assert "cannot be imported: ModuleNotFoundError" in row["error"]
    assert "broken: " in run().stdout
    assert run("pager").exit_code == 1


def test_the_options_of_one_are_those_of_its_models() -> None:
    (row,) = json.loads(run("slack", "--json").stdout)
    options = {option["name"]: option for title in row["options"].values() for option in title}
    assert options["webhook_url"]["secret"] is True
    assert options["retry.max_attempts"]["default"] == "8"
    assert options["timeout"] | {"description": ""} == {
        "name": "timeout",
        "type": "duration",
        "default": "30s",
        "required": False,
        "secret": False,
        "description": "",
    }
    shown = run("slack").stdout
    assert "destination slack (built in, effect: notify)" in shown
    assert "webhook_url" in shown


def test_an_unknown_name_gets_the_list() -> None:
    result = run("teams")
    assert result.exit_code == 2
    assert result.stderr.startswith("hub: there is no connector 'teams'; there are console, database, gemini")
