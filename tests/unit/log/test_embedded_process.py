"""The process under the broker: it ends with its hub, with or without grace."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from hub.log.embedded.process import JavaProcess

A_HUB = """
import sys
from pathlib import Path
from hub.log.embedded.process import JavaProcess
folder = Path(sys.argv[1])
process = JavaProcess(sys.argv[2:], folder=folder, log=folder / "log")
print(process.pid, flush=True)
sys.stdin.read()
"""

SLEEP = ["/bin/sh", "-c", "sleep 600 & wait"]
STUBBORN = ["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("argv", [SLEEP, STUBBORN], ids=["polite", "stubborn"])
def test_it_ends_when_its_hub_is_killed(tmp_path: Path, argv: list[str]) -> None:
    hub = subprocess.Popen(
        [sys.executable, "-c", A_HUB, str(tmp_path), *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert hub.stdout is not None
    pid = int(hub.stdout.readline())

    hub.kill()
    hub.communicate()

    assert gone_within(pid, 10)


def test_what_ignores_sigterm_is_killed_after_the_deadline(tmp_path: Path) -> None:
    process = JavaProcess(STUBBORN, folder=tmp_path, log=tmp_path / "log")
    while "ready" not in (tmp_path / "log").read_text():  # the trap is set; pytest's timeout bounds this
        assert process.wait(0.01) is None

    assert process.stop(0.2) is False
    assert process.poll() == -signal.SIGKILL


def test_an_end_by_itself_is_seen(tmp_path: Path) -> None:
    process = JavaProcess(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], folder=tmp_path, log=tmp_path / "log")

    assert process.wait(10) == 3
    assert (tmp_path / "log").read_text() == "out\nerr\n"


def test_options_for_other_java_programs_do_not_reach_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1m")

    process = JavaProcess(["/usr/bin/env"], folder=tmp_path, log=tmp_path / "log")

    assert process.wait(10) == 0
    assert "JAVA_TOOL_OPTIONS" not in (tmp_path / "log").read_text()
    assert f"PATH={os.environ['PATH']}" in (tmp_path / "log").read_text()


def test_the_last_words_are_those_of_this_launch_without_stack_frames(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("an older launch\n")
    script = r"printf 'ERROR no space\n\tat kafka.Kafka.main(Kafka.scala)\n\nshutting down'; exit 1"
    process = JavaProcess(["/bin/sh", "-c", script], folder=tmp_path, log=tmp_path / "log")

    assert process.wait(10) == 1
    assert process.last_lines() == "  | ERROR no space\n  | shutting down"
    assert (tmp_path / "log").read_text().startswith("an older launch\nERROR no space\n\tat kafka")
