"""The log of a process that runs for months: bounded, in order, and never what holds the process up."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from hub.log.embedded import process_log
from hub.log.embedded.process_log import ProcessLog

Say = Callable[[bytes], None]


@pytest.fixture
def pipe() -> tuple[BinaryIO, BinaryIO]:
    """Its reading and its writing end."""
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb"), os.fdopen(writing, "wb", buffering=0)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_log, "LARGEST", 1000)


def ended(log: ProcessLog, writing: BinaryIO) -> None:
    writing.close()
    log.finish(10)


def test_it_keeps_the_youngest_lines_whole_and_in_order(pipe: tuple[BinaryIO, BinaryIO], tmp_path: Path) -> None:
    file = tmp_path / "kafka.log"
    file.write_bytes(b"of an earlier start\n" * 49)
    log = ProcessLog(pipe[0], file)
    for number in range(1000):
        pipe[1].write(b"WARN line %d\n" % number)
    ended(log, pipe[1])

    files = [*(tmp_path / f"kafka.log.{age}" for age in (3, 2, 1)), file]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(each.stat().st_size <= 1000 for each in files)
    lines = b"".join(each.read_bytes() for each in files).splitlines()
    assert lines == [b"WARN line %d" % number for number in range(1000 - len(lines), 1000)]
    assert len(lines) > 200


def test_a_line_without_an_end_is_bounded_too(pipe: tuple[BinaryIO, BinaryIO], tmp_path: Path) -> None:
    log = ProcessLog(pipe[0], tmp_path / "kafka.log")
    for _ in range(100):
        pipe[1].write(b"x" * 10_000)
    ended(log, pipe[1])

    assert sum(each.stat().st_size for each in tmp_path.iterdir()) <= 4 * 64_000
    assert len(log.last_lines()) < 50_000


def test_a_file_that_somebody_removes_is_begun_anew(pipe: tuple[BinaryIO, BinaryIO], tmp_path: Path) -> None:
    file = tmp_path / "kafka.log"
    log = ProcessLog(pipe[0], file)
    pipe[1].write(b"before\n")
    while not file.exists() or not file.stat().st_size:  # pytest's timeout bounds this
        pass
    file.unlink()
    pipe[1].write(b"after\n")
    ended(log, pipe[1])

    assert file.read_bytes() == b"after\n"


def test_a_file_that_cannot_be_written_holds_nobody_up(pipe: tuple[BinaryIO, BinaryIO], tmp_path: Path) -> None:
    log = ProcessLog(pipe[0], tmp_path / "absent" / "kafka.log")
    for _ in range(100):
        pipe[1].write(b"x" * 9_999 + b"\n")  # much more than the pipe holds
    pipe[1].write(b"ERROR the disk is full\n")
    ended(log, pipe[1])

    assert log.last_lines().endswith("  | ERROR the disk is full")


def test_a_child_that_keeps_the_pipe_is_not_waited_for(pipe: tuple[BinaryIO, BinaryIO], tmp_path: Path) -> None:
    log = ProcessLog(pipe[0], tmp_path / "kafka.log")

    log.finish(0.01)

    ended(log, pipe[1])
