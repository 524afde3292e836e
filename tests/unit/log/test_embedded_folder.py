"""The data folder: writable, ours, of a version we can read, and used by one hub and one JVM."""

import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from hub.log.embedded.errors import DataFolderError, DataFolderInUseError, DataVersionError
from hub.log.embedded.folder import BrokerFolder, FolderLocks

HOLD_A_LOCK = """
import fcntl, sys
with open(sys.argv[1], "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> BrokerFolder:
    folder = BrokerFolder(tmp_path / "home")
    folder.prepare()
    return folder


def hold(path: Path, *arguments: str) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_A_LOCK, str(path), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_home_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DataFolderError, match=r"cannot write to .*HUB_HOME"):
        BrokerFolder(tmp_path / "file" / "home").prepare()


def test_a_full_disk_is_noticed_before_kafka_dies_of_it(folder: BrokerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024  (as shutil's)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 999 * 10**6, 10**6))

    with pytest.raises(DataFolderError, match=r"is full: 1 MB are free, Kafka needs 256 MB; make room"):
        folder.prepare()


def test_data_of_a_newer_kafka_is_refused(folder: BrokerFolder) -> None:
    folder.data.mkdir()
    (folder.root / "version").write_text("4.10.0\n")

    with pytest.raises(DataVersionError, match=r"was written by Apache Kafka 4\.10\.0.*use the newer hub again"):
        folder.check_version()


def test_data_of_an_older_kafka_is_taken_over(folder: BrokerFolder) -> None:
    folder.data.mkdir()
    (folder.root / "version").write_text("4.2.0\n")

    folder.check_version()


def test_data_that_no_hub_made_is_refused(folder: BrokerFolder) -> None:
    folder.data.mkdir()

    with pytest.raises(DataVersionError, match="was not made by a hub"):
        folder.check_version()


def test_a_second_hub_is_refused_and_told_the_pid_of_the_first(folder: BrokerFolder) -> None:
    first = FolderLocks(folder)

    with pytest.raises(DataFolderInUseError, match=rf"in use by process {os.getpid()}; stop that hub"):
        FolderLocks(folder)

    first.release()
    FolderLocks(folder).release()


def test_an_orphan_that_keeps_running_is_killed(folder: BrokerFolder) -> None:
    orphan = hold(folder.root / "kafka.lock", folder.mark)

    FolderLocks(folder, orphan_grace=0.1).release()

    assert orphan.wait(10) < 0
    orphan.communicate()


def test_an_orphan_that_is_about_to_end_is_waited_for(folder: BrokerFolder) -> None:
    orphan = hold(folder.root / "kafka.lock", folder.mark)
    assert orphan.stdin is not None
    orphan.stdin.close()

    FolderLocks(folder).release()

    assert orphan.wait(10) == 0
    assert orphan.stdout is not None
    orphan.stdout.close()


def test_no_stranger_is_killed_for_a_lock(folder: BrokerFolder) -> None:
    stranger = hold(folder.root / "kafka.lock")

    with pytest.raises(DataFolderInUseError, match="no Kafka of this folder runs on this machine"):
        FolderLocks(folder, orphan_grace=0.1)

    assert stranger.poll() is None
    stranger.communicate()
