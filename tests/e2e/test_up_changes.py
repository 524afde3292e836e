"""``hub up`` and its file: changed, broken, rolled back, and with a destination that wants a process of its own."""

import json
from pathlib import Path

import psutil
import pytest

from tests.e2e.test_up import Project, stop, until

pytestmark = pytest.mark.timeout(240)

BASE = """\
version: 1
log: {partitions: 2}
sources: {gemini: {type: gemini, secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}}
destinations:
  warehouse: {type: database, url: "sqlite:///{HUB_HOME}/events.db", table: events}
"""
ROUTES = "routes:\n  - {id: keep, to: warehouse}\n"


class Changing(Project):
    def write(self, more: str = "", routes: str = ROUTES) -> None:
        text = BASE.replace("{HUB_HOME}", str(self.folder / ".hub")) + more + routes
        (self.folder / "hub.yaml").write_text(text)

    def revisions(self) -> list[str]:
        """The newest first."""
        return [one["revision"] for one in json.loads(self.hub("history", "--json").stdout)]

    def summary(self) -> str:
        return self.hub("status").stdout.partition("\n")[0]

    def all_run(self, revision: str) -> bool:
        found = json.loads(self.hub("status", "--json").stdout)["standing"]["in_force"]["processes"]
        return len(found) >= 2 and {one["revision"] for one in found} == {revision}


def workers(supervisor: int) -> set[str]:
    """What each worker process is for."""
    found = set()
    for child in psutil.Process(supervisor).children():
        words = child.cmdline()
        if "worker" in words:
            found.add(words[words.index("--only") + 1])
    return found


@pytest.fixture
def project(tmp_path: Path) -> Changing:
    project = Changing(tmp_path)
    project.write()
    return project


def test_the_file_is_in_force_when_it_changes_and_nothing_is_restarted(project: Changing) -> None:
    hub = project.up()
    try:
        until(lambda: "hub is ready" in project.log(), what="hub up")
        [first] = project.revisions()
        before = {child.pid for child in psutil.Process(hub.pid).children()}

        (project.folder / "hub.yaml").write_text("version: 1\nroutes: [{id: nowhere, to: nobody}]\n")
        until(lambda: "the file cannot be put into force" in project.log(), what="the complaint")
        assert project.revisions() == [first]

        project.write("  screen: {type: console}\n", "routes:\n  - {id: keep, to: [warehouse, screen]}\n")
        until(lambda: len(project.revisions()) == 2, what="the second revision")
        second = project.revisions()[0]
        until(lambda: project.all_run(second), what="everybody running the second")
        event = project.send("batch.succeeded")
        until(lambda: f"screen keep: gemini batch.succeeded {event}" in project.log(), what="the new destination")

        assert f"Revision {first} is in force again" in project.hub("rollback").stdout
        until(lambda: project.all_run(first), what="everybody running the first")
        assert f"drift: in force is {first}, rolled back by" in project.summary()
        assert {child.pid for child in psutil.Process(hub.pid).children()} == before, "something was restarted"
    finally:
        assert stop(hub) == 0, project.log()
    hub = project.up()
    try:
        until(lambda: project.log().count("hub is ready") == 2, what="hub up again")
        assert project.revisions()[0] == first, "a rollback stays in force until the file changes"
        project.write("  screen: {type: console, text: another}\n", "routes:\n  - {id: keep, to: [screen]}\n")
        until(lambda: len(project.revisions()) == 4, what="the file, which has changed")
        until(lambda: "drift" not in project.summary(), what="the end of the drift")
    finally:
        assert stop(hub) == 0, project.log()


def test_an_isolated_destination_gets_its_process_and_loses_it_once_it_is_empty(project: Changing) -> None:
    hub = project.up()
    try:
        until(lambda: "hub is ready" in project.log(), what="hub up")
        assert workers(hub.pid) == {"route"}
        project.write("  apart: {type: console, isolate: true}\n", "routes:\n  - {id: keep, to: [warehouse, apart]}\n")
        until(lambda: workers(hub.pid) == {"route", "apart"}, what="its process")
        event = project.send("batch.failed")
        until(lambda: f"apart keep: gemini batch.failed {event}" in project.log(), what="its delivery")
        project.write()
        until(lambda: workers(hub.pid) == {"route"}, what="the end of its process")
    finally:
        assert stop(hub) == 0, project.log()
