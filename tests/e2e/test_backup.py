"""``hub backup`` and ``hub restore``: everything that was acknowledged comes back, and nothing else does."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.machine import Machine, until

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restored_hub_has_every_event_and_goes_on(tmp_path: Path, how: signal.Signals) -> None:
    machine = Machine(tmp_path)
    with machine.up(how):
        before = {machine.send() for _ in range(5)}
        until(lambda: before <= machine.rows(), "delivered")
        refused = machine("backup", "too-early.hub")
        assert refused.returncode == 2
        assert "uses" in refused.stderr
    until(lambda: machine("backup", "backup.hub").returncode == 0, "backed up")  # parts end after their supervisor
    with machine.up():
        after = machine.send()
        until(lambda: after in machine.rows(), "delivered")
    shutil.rmtree(machine.home)
    restored = machine("restore", "backup.hub")
    assert restored.returncode == 0, restored.stderr
    with machine.up():
        assert machine.listed() == before
        later = machine.send()
        until(lambda: later in machine.rows(), "delivered")
        verified = machine("ledger", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
    assert machine.rows() == before | {later}


def test_a_folder_is_not_overwritten_unless_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.home.mkdir()
    (machine.home / "kept").write_text("as it was")
    (machine.home / "logs").mkdir()
    (machine.home / "logs" / "kafka.log").write_text("not kept")
    assert machine("backup", "backup.hub").returncode == 0
    assert machine("backup", "backup.hub").returncode == 2, "a backup is not overwritten either"
    (machine.home / "kept").write_text("changed")
    assert "--replace puts it aside" in machine("restore", "backup.hub").stderr
    assert machine("restore", "backup.hub", "--replace").returncode == 0
    assert (machine.home / "kept").read_text() == "as it was"
    assert not (machine.home / "logs").exists()
    [aside] = machine.folder.glob(".hub.before-*")
    assert (aside / "kept").read_text() == "changed"


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda _: b"nonsense", lambda _: b""])
def test_what_is_not_whole_restores_nothing(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    machine = Machine(tmp_path)
    machine.home.mkdir()
    (machine.home / "kept").write_text("x" * 100_000)
    assert machine("backup", "backup.hub").returncode == 0
    shutil.rmtree(machine.home)
    (tmp_path / "backup.hub").write_bytes(damage((tmp_path / "backup.hub").read_bytes()))
    refused = machine("restore", "backup.hub")
    assert refused.returncode == 1
    assert "take another one" in refused.stderr
    assert not machine.home.exists()
    assert "No such file" in machine("restore", "nothing.hub").stderr
