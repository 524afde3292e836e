"""The data folder of one broker: who owns it, what is in it, and whether it can be written.

``<home>/kafka``: ``data/`` (Kafka's own), ``server.properties``, ``ports.json``, ``version`` (of the Kafka that wrote
the data), ``broker.json`` (address and pid while it runs), ``hub.lock`` and ``kafka.lock``.
"""

import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from hub.log.embedded.errors import DataFolderError, DataFolderInUseError, DataVersionError
from hub.log.embedded.jars import KAFKA_VERSION
from hub.log.embedded.properties import DATA

MINIMUM_FREE = 256_000_000  # bytes; Kafka maps its indexes into memory and dies of SIGBUS on a full disk

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BrokerFolder:
    """Paths under ``<home>/kafka``; ``home`` is absolute."""

    home: Path

    @property
    def root(self) -> Path:
        return self.home / "kafka"

    @property
    def data(self) -> Path:
        return self.root / DATA

    @property
    def properties(self) -> Path:
        return self.root / "server.properties"

    @property
    def ports(self) -> Path:
        return self.root / "ports.json"

    @property
    def running(self) -> Path:
        return self.root / "broker.json"

    @property
    def log(self) -> Path:
        return self.home / "logs" / "kafka.log"

    @property
    def crash_report(self) -> Path:
        return self.home / "logs" / "kafka-crash.log"

    @property
    def mark(self) -> str:
        """An argument of our JVM's command line that tells it from every other process."""
        return f"-Dhub.kafka={self.root}"

    def cluster_id(self) -> str | None:
        """The id the data was formatted with; None when Kafka, too, will find that it has none."""
        with suppress(OSError):
            for line in (self.data / "meta.properties").read_text().splitlines():
                name, _, value = line.partition("=")
                if name == "cluster.id":
                    return value
        return None

    def prepare(self) -> None:
        """Make the folders and check that they can be written.

        Raises:
            DataFolderError: they cannot, or the disk is nearly full.
        """
        try:
            for folder in (self.root, self.log.parent):
                folder.mkdir(parents=True, exist_ok=True)
                tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise DataFolderError(
                f"cannot write to {self.home}: {error}; make it writable, or set HUB_HOME to a folder that is"
            ) from error
        self.check_space()

    def check_space(self) -> None:
        """Raises DataFolderError if less than MINIMUM_FREE bytes are free."""
        free = shutil.disk_usage(self.root).free
        if free < MINIMUM_FREE:
            raise DataFolderError(
                f"the disk of {self.root} is full: {free / 1e6:.0f} MB are free, Kafka needs "
                f"{MINIMUM_FREE / 1e6:.0f} MB; make room, shorten log.retention, or set HUB_HOME to another disk"
            )

    def check_version(self) -> None:
        """Raises DataVersionError if a newer Kafka, or not a hub, wrote the data."""
        if not self.data.exists():
            return
        try:
            written_by = (self.root / "version").read_text().strip()
        except OSError:
            raise DataVersionError(
                f"{self.data} was not made by a hub (no {self.root / 'version'}); set HUB_HOME to another folder, "
                "or move that one away"
            ) from None
        if _numbers(written_by) > _numbers(KAFKA_VERSION):
            raise DataVersionError(
                f"{self.data} was written by Apache Kafka {written_by}, this hub brings {KAFKA_VERSION} and cannot "
                "read it; use the newer hub again, or set HUB_HOME to another folder"
            )

    def write_version(self) -> None:
        (self.root / "version").write_text(KAFKA_VERSION)


class FolderLocks:
    """Two locks make one data folder belong to one hub and one JVM; the kernel drops them however the holders end.

    ``hub.lock`` is held by this process. ``kafka.lock`` is inherited by the JVM, so that one which outlived its hub
    still holds it; such an orphan is stopped before another starts.
    """

    def __init__(self, folder: BrokerFolder, *, orphan_grace: float = 8.0) -> None:
        """Raises DataFolderInUseError, naming the process, if another hub has the folder."""
        self._descriptors: list[int] = []
        try:
            self._lock_hub(folder)
            self.for_jvm = self._lock_kafka(folder, orphan_grace)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _lock_hub(self, folder: BrokerFolder) -> None:
        path = folder.root / "hub.lock"
        descriptor = self._open(path)
        if not _try_lock(descriptor):
            owner = path.read_text().strip()
            raise DataFolderInUseError(
                f"{folder.root} is in use by process {owner or 'of another hub'}; stop that hub, use it as it runs "
                "(`hub topics` shows its address), or set HUB_HOME to another folder"
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)

    def _lock_kafka(self, folder: BrokerFolder, grace: float) -> int:
        descriptor = self._open(folder.root / "kafka.lock")
        if not _lock_within(descriptor, grace):  # its watchdog should have ended it by now
            _kill_orphan(folder)
            if not _lock_within(descriptor, grace):
                raise DataFolderInUseError(
                    f"a Kafka that outlived its hub holds {folder.root} and cannot be killed; end it "
                    f"(`ps -ef | grep {folder.mark}` names it), or set HUB_HOME to another folder"
                )
        return descriptor

    def _open(self, path: Path) -> int:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self._descriptors.append(descriptor)
        return descriptor


def broker_processes(mark: str) -> Iterator[psutil.Process]:
    """Living processes whose command line has ``mark``."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if mark in process.cmdline():
                yield process


def _kill_orphan(folder: BrokerFolder) -> None:
    orphans = list(broker_processes(folder.mark))
    if not orphans:
        raise DataFolderInUseError(
            f"{folder.root / 'kafka.lock'} is held, but no Kafka of this folder runs on this machine; does another "
            "machine or container share the folder? Stop the hub there, or set HUB_HOME to another folder"
        )
    for orphan in orphans:
        _log.warning("killing a Kafka that outlived its hub", extra={"pid": orphan.pid, "folder": str(folder.root)})
        with suppress(psutil.NoSuchProcess):
            orphan.kill()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_within(descriptor: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (locked := _try_lock(descriptor)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return locked


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
