"""Which file a recorded test goes into, and that this file is replaced whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from hub.cli import test_recording

TEST = {"name": "a job", "event": {"source": "door"}, "expect": ["all"]}


def test_of_a_folder_the_last_file_with_tests_gets_it(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\ntests:\n  - {name: x}\n")
    (tmp_path / "b.yaml").write_text("tests:\n  - {name: y}\n")
    (tmp_path / "c.yaml").write_text("routes: []\n")
    assert test_recording._file(tmp_path) == tmp_path / "b.yaml"
    (tmp_path / "a.yaml").write_text("version: 1\n")
    (tmp_path / "b.yaml").write_text("x-tests: 1\n")
    assert test_recording._file(tmp_path) == tmp_path / "a.yaml"
    assert test_recording._file(tmp_path / "c.yaml") == tmp_path / "c.yaml"


def test_the_file_keeps_its_rights_its_mark_and_its_place(tmp_path: Path) -> None:
    file = tmp_path / "real.yaml"
    file.write_bytes("\ufeffversion: 1\r\n".encode())
    file.chmod(0o640)
    link = tmp_path / "hub.yaml"
    link.symlink_to(file)
    assert test_recording._add(link, TEST) == 3
    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.read_bytes().decode().startswith('\ufeffversion: 1\r\ntests:\r\n  - name: "a job"\r\n')
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_full_disk_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text("version: 1\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SystemExit):
        test_recording._add(file, TEST)
    assert capsys.readouterr().err == f"hub: {file} stays as it is: No space left on device\n"
    assert file.read_text() == "version: 1\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_cannot_take_it_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text("version: 1\ntests: []\n")
    with pytest.raises(SystemExit) as ended:
        test_recording._add(file, TEST)
    assert ended.value.code == 2
    assert f"hub: {file}: `tests` is written in brackets" in capsys.readouterr().err
