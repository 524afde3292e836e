"""``hub up`` and ``hub demo`` as a person runs them: real processes, the embedded broker, a folder of their own."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest
import trustme

from tests.fixtures.certificates import files_of, issue
from tests.fixtures.ports import free_port

HUB = [sys.executable, "-P", "-m", "hub"]
START = 60.0  # seconds
pytestmark = pytest.mark.timeout(240)


def until(condition: Callable[[], object], seconds: float = START, what: str = "the condition") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds:.0f} s"
        time.sleep(0.05)


class Project:
    """A folder with a hub.yaml, and the hub commands run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ: Mapping[str, str] = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HUB_")},
            "HUB_HOME": str(folder / ".hub"),
        }
        self.port = free_port()

    def hub(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*HUB, *words], cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=60, check=False
        )

    def up(self, *options: str) -> "subprocess.Popen[str]":
        argv = [*HUB, "up", "--port", str(self.port), "--api-port", "0", *options]
        with (self.folder / "up.log").open("a") as log:
            return subprocess.Popen(argv, cwd=self.folder, env=self.environ, stdout=log, stderr=log, text=True)

    def log(self) -> str:
        return (self.folder / "up.log").read_text()

    def send(self, event_type: str) -> str:
        """Post a sample until it is taken; returns the event's id."""
        answer = self.hub("send", "gemini", "--sample", event_type, "--url", f"http://127.0.0.1:{self.port}")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout.split('"id":"')[1].split('"')[0]

    def rows(self) -> list[str]:
        database = self.folder / ".hub" / "events.db"
        if not database.exists():
            return []
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            try:
                return [row[0] for row in connection.execute("SELECT id FROM events")]
            except sqlite3.OperationalError:
                return []  # the table is made with the first delivery


def parts(supervisor: int) -> dict[str, psutil.Process]:
    """Command (``broker``, ``worker``, ``ingress``) → the process of it that the supervisor keeps."""
    found = {}
    for child in psutil.Process(supervisor).children():
        with suppress(psutil.Error):  # it just ended
            words = child.cmdline()
            if "hub" in words:
                found[words[words.index("hub") + 1]] = child
    return found


def stop(process: "subprocess.Popen[str]") -> int:
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(signal.SIGINT)
    code = process.wait(60)
    psutil.wait_procs(family, 10)
    assert not [child for child in family if child.is_running()], "the hub left processes behind"
    return code


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    assert project.hub("init", "gemini").returncode == 0
    return project


def test_the_walkthrough_of_the_readme_ends_with_a_delivered_event(project: Project) -> None:
    hub = project.up()
    try:
        until(lambda: "hub is ready" in project.log(), what="hub up")
        event = project.send("batch.failed")
        until(lambda: event in project.rows(), what="the row in SQLite")
        until(lambda: "delivered" in project.hub("events", "show", event).stdout, what="the outcome")
        shown = project.hub("events", "show", event).stdout
        assert "keep-everything" in shown
        assert "warehouse" in shown
        assert event in project.hub("events", "list").stdout
        assert "hub.events" in project.hub("topics").stdout
        verified = project.hub("ledger", "verify")
        assert verified.stdout.endswith("Nothing is missing.\n"), verified.stdout + verified.stderr
        assert (project.folder / ".hub" / "status.db").exists()
        until(lambda: project.hub("status").stdout.startswith("All is well: "), what="hub status")
        kept = {"hub.yaml", ".env", ".gitignore", ".hub", "up.log"}
        assert {path.name for path in project.folder.iterdir()} == kept, "the hub writes below .hub alone"
    finally:
        assert stop(hub) == 0, project.log()


def test_parts_killed_by_9_are_replaced_and_nothing_accepted_is_lost(project: Project) -> None:
    hub = project.up()
    try:
        until(lambda: "hub is ready" in project.log(), what="hub up")
        sent = [project.send("batch.succeeded")]
        for part in ("worker", "ingress"):
            killed = parts(hub.pid)[part]
            killed.kill()
            until(lambda: parts(hub.pid).get(part, killed) != killed, what=f"another {part}")  # noqa: B023
            until(
                lambda: (
                    not project.hub(
                        "send", "gemini", "--sample", "video.generated", "--url", f"http://127.0.0.1:{project.port}"
                    ).returncode
                ),
                what="the ingress",
            )
        sent.append(project.send("interaction.completed"))
        until(lambda: set(sent) <= set(project.rows()), what="every row")
    finally:
        assert stop(hub) == 0, project.log()


def test_a_second_hub_on_the_same_folder_is_refused_and_names_the_first(project: Project) -> None:
    hub = project.up()
    try:
        until((project.folder / ".hub" / "hub.pid").exists, what="the lock")
        until((project.folder / ".hub" / "hub.pid").read_text, what="the lock")
        second = project.hub("up", "--port", str(free_port()))
        assert second.returncode == 2
        assert str(hub.pid) in second.stderr
    finally:
        stop(hub)


def test_without_a_configuration_hub_up_names_hub_init(tmp_path: Path) -> None:
    refused = Project(tmp_path).hub("up")
    assert refused.returncode == 2
    assert "hub init" in refused.stderr


def test_the_demo_arrives_twice_also_beside_packages_named_like_ours(tmp_path: Path) -> None:
    for name in ("schemas", "connectors", "hub"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('the project folder shadows the hub')")
    project = Project(tmp_path)
    first = project.hub("demo", "--once", "--port", str(project.port))
    assert first.returncode == 0, first.stdout + first.stderr
    began = time.monotonic()
    second = project.hub("demo", "--once", "--port", str(project.port))
    assert second.returncode == 0, second.stdout + second.stderr
    with closing(sqlite3.connect(tmp_path / ".hub" / "demo" / "events.db")) as database:
        assert database.execute("SELECT count(*) FROM events").fetchone() == (30,), "the second start keeps the first's"
    checked = project.hub("check", ".hub/demo/hub.yaml")  # as the commands that the demo suggests read it
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert time.monotonic() - began < 60


def test_systemd_is_told_when_it_is_ready_and_while_it_is_alive(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.hub("init", "gemini").returncode == 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(START)
        told = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        project.environ = {**project.environ, **told}
        process = project.up()
        try:
            assert systemd.recv(500).startswith(b"READY=1\nSTATUS=receiving webhooks: http://127.0.0.1:")
            project.send("batch.succeeded")  # ready means that it is
            assert systemd.recv(500) == b"WATCHDOG=1"
        finally:
            assert stop(process) == 0
        systemd.settimeout(0)
        later = []
        with suppress(BlockingIOError):
            while True:
                later.append(systemd.recv(500))
        assert b"STOPPING=1" in later
        assert set(later) <= {b"STOPPING=1", b"WATCHDOG=1"}, "a drain is a sign of life, too"


def test_a_hub_that_ends_tls_itself_says_when_it_is_ready_and_takes_what_hub_send_signs(tmp_path: Path) -> None:
    authority = trustme.CA()
    files_of(issue(authority), tmp_path)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    project = Project(tmp_path)
    assert project.hub("init", "gemini").returncode == 0
    process = project.up("--tls-cert", "chain.pem", "--tls-key", "key.pem")
    try:
        until(lambda: f"https://127.0.0.1:{project.port}/in/gemini" in project.log(), what="the announcement")
        sample = ("send", "gemini", "--sample", "batch.succeeded", "--url", f"https://localhost:{project.port}")
        refused = project.hub(*sample)
        assert (refused.returncode, "certificate verify failed" in refused.stderr) == (1, True), refused.stderr
        project.environ = {**project.environ, "SSL_CERT_FILE": str(tmp_path / "authority.pem")}
        sent = project.hub(*sample)
        assert sent.returncode == 0, sent.stderr
        until(lambda: len(project.rows()) == 1, what="the row")
    finally:
        assert stop(process) == 0
