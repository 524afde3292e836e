"""A data folder that an earlier version left behind: this version starts on it, and goes on with what waits there."""

import json
from pathlib import Path

import pytest

from tests.fixtures.data_folder import SENT, configure, endpoint
from tests.fixtures.machine import Machine, until

FOLDERS = sorted((Path(__file__).parents[1] / "fixtures" / "data_folders").glob("*.hub"))

pytestmark = pytest.mark.timeout(180)


def test_there_is_a_folder_of_the_first_version() -> None:
    assert "0.1.0.hub" in {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.stem)
def test_the_hub_goes_on_with_the_data_folder_of_an_earlier_version(folder: Path, tmp_path: Path) -> None:
    with endpoint({}) as (url, taken):
        machine = configure(tmp_path, url)
        restored = machine("restore", str(folder))
        assert restored.returncode == 0, restored.stderr
        rows = machine.rows()
        with machine.up():
            assert listed(machine) == sorted([*SENT, "delivery.dead"])
            until(lambda: taken, "delivered what waited for another try")
            until(lambda: dead(machine) == [("hooks", "waiting")], "listed, and nothing else dead")
            until(lambda: paused(machine) == ["quiet"], "known to be paused")
            assert machine("resume", "quiet").returncode == 0
            assert machine("dead", "redrive", "--yes").returncode == 0
            until(lambda: len(taken) == 2, "delivered what was dead")
            later = machine.send()
            until(lambda: later in machine.rows(), "delivered")
            verified = machine("ledger", "verify")
            assert verified.returncode == 0, verified.stdout + verified.stderr
    assert sorted(taken) == ["batch.failed", "interaction.failed"], "what was delivered before comes once"
    assert machine.rows() == rows | {later}
    assert len(archived(machine)) == len(SENT) + 1


def listed(machine: Machine) -> list[str]:
    return sorted(event["type"] for event in json.loads(machine("events", "list", "--json").stdout))


def dead(machine: Machine) -> list[tuple[str, str]]:
    letters = json.loads(machine("dead", "list", "--json").stdout)["letters"]
    return [(letter["destination"], letter["state"]) for letter in letters]


def paused(machine: Machine) -> list[str]:
    destinations = json.loads(machine("status", "--json").stdout)["standing"]["destinations"]
    return [each["name"] for each in destinations if each["state"] == "paused"]


def archived(machine: Machine) -> list[str]:
    found = machine("events", "list", "--archive", "archive", "--json").stdout
    return [event["id"] for event in json.loads(found)]
