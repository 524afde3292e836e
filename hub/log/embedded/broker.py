"""Apache Kafka as a child process: one KRaft node on loopback, its data in the hub's home."""

import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from hub.log.connection import KafkaConnection
from hub.log.embedded.aot import AotCache, Training
from hub.log.embedded.errors import BrokerStartError, JavaError, PortInUseError
from hub.log.embedded.folder import BrokerFolder, FolderLocks
from hub.log.embedded.jars import cache_folder, verified_jars
from hub.log.embedded.java import crash_flags, find_java
from hub.log.embedded.kafka import Kafka
from hub.log.embedded.ports import (
    DEFAULT_PORTS,
    LOOPBACK,
    Ports,
    choose_ports,
    is_free,
    remember_ports,
    remembered_ports,
)
from hub.log.embedded.process import JavaProcess
from hub.log.embedded.properties import server_properties
from hub.log.embedded.readiness import serving_cluster

_LAUNCHES = 3  # a port lost to another program, a broken ahead-of-time cache: each costs one

_log = logging.getLogger(__name__)


class EmbeddedBroker:
    """One broker for one home. Owns its folder from ``start`` to ``stop``; to be used from one thread at a time.

    The JVM ends when this process does, however that ends. Nothing is fetched, written or started before ``start``.

    Args:
        home: the hub's home; data goes to ``<home>/kafka``, the log to ``<home>/logs/kafka.log``.
        java: a Java ≥ 17 (executable or JAVA_HOME) instead of the one that comes with the hub.
        fsync: put every record on the disk before it is acknowledged, for nodes that may lose power.
        ports: where clients may find it, in order of preference; the port of last time goes first if it is among them.
        train: make Java's ahead-of-time cache in the background if there is none.
    """

    def __init__(
        self,
        home: Path,
        *,
        java: Path | None = None,
        fsync: bool = False,
        ports: Sequence[int] = DEFAULT_PORTS,
        train: bool = True,
    ) -> None:
        self._folder = BrokerFolder(home.resolve())
        self._java = java
        self._fsync = fsync
        self._candidates = ports
        self._train = train
        self._locks: FolderLocks | None = None
        self._process: JavaProcess | None = None
        self._training: Training | None = None

    def start(self, timeout: float = 120.0) -> KafkaConnection:
        """Start it and block until it serves, at most ``timeout`` seconds after each launch; most often one or three.

        Fetches what is missing. After a kill -9 Kafka reads open segments again, which for gigabytes takes long.

        Raises:
            EmbeddedBrokerError: one of its kinds; nothing is left running.
        """
        if self.pid is not None:
            raise RuntimeError("this broker runs already")
        self._release()
        self._folder.prepare()
        self._locks = FolderLocks(self._folder)
        try:
            self._folder.check_version()
            cache = cache_folder()
            kafka = Kafka(find_java(self._java), verified_jars(cache))
            aot = AotCache(kafka, cache)
            ports = self._launch(kafka, aot, timeout)
        except BaseException:
            self._release()
            raise
        if self._train and aot.wanted:
            self._training = Training(aot)
        return KafkaConnection(_address(ports), cluster_id=self._folder.cluster_id())

    def stop(self, timeout: float = 30.0) -> None:
        """Stop it cleanly; after ``timeout`` seconds kill it, which loses nothing that was acknowledged. Idempotent."""
        if self._training is not None:
            self._training.cancel()
        if self._process is not None and self._process.poll() is None and not self._process.stop(timeout):
            _log.warning("Kafka did not stop in time and was killed", extra={"timeout": timeout})
        self._release()

    def kill(self) -> None:
        """SIGKILL the JVM, as a crash would. The folder stays ours; `start` works again."""
        if self._process is not None:
            self._process.kill()

    @property
    def pid(self) -> int | None:
        """The JVM's process id; None when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def poll(self) -> int | None:
        """None while the JVM runs, else its exit code (negative: the signal that ended it)."""
        return self._process.poll() if self._process is not None else 0

    def wait(self, timeout: float | None = None) -> int | None:
        """Like `poll`, after waiting for the end at most ``timeout`` seconds (None: forever)."""
        return self._process.wait(timeout) if self._process is not None else 0

    def last_words(self) -> str:
        """The last lines the JVM wrote since it was launched, for the message that says it died."""
        words = self._process.last_lines() if self._process is not None else ""
        return f"the end of its log, {self._folder.log}:\n{words}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _launch(self, kafka: Kafka, aot: AotCache, timeout: float) -> Ports:
        """Try until one launch is ready; the reasons to try again are a lost port and a cache that breaks Java."""
        trusted = True
        for _ in range(_LAUNCHES):
            flags = aot.flags() if trusted else []
            ports = choose_ports(self._candidates, remembered_ports(self._folder.ports))
            if self._formatted(kafka, ports, flags) and self._serves(self._spawn(kafka, ports, flags), ports, timeout):
                if not trusted:
                    aot.reject()
                self._announce(ports)
                return ports
            if not (is_free(ports.broker) and is_free(ports.controller)):
                continue
            if flags:
                trusted = False
            else:
                raise self._failure(f"Kafka ended with exit code {self.poll()} before it was ready")
        raise PortInUseError(
            "other programs keep taking the ports on which Kafka tries to listen; stop them, or allow other ports"
        )

    def _formatted(self, kafka: Kafka, ports: Ports, flags: Sequence[str]) -> bool:
        """Format a new folder. False if that failed and ``flags`` may be to blame."""
        if self._folder.data.exists():
            return True
        self._folder.write_version()
        try:
            kafka.format(self._folder.root, ports, *crash_flags(self._folder.crash_report), *flags)
        except BrokerStartError:
            if not flags:
                raise
        return self._folder.data.exists()

    def _spawn(self, kafka: Kafka, ports: Ports, flags: Sequence[str]) -> JavaProcess:
        assert self._locks is not None
        self._folder.properties.write_text(server_properties(ports, fsync=self._fsync))
        command = kafka.server(self._folder.mark, *crash_flags(self._folder.crash_report), *flags)
        try:
            self._process = JavaProcess(
                command, folder=self._folder.root, log=self._folder.log, inherit=[self._locks.for_jvm]
            )
        except OSError as error:
            raise JavaError(f"cannot run {command[0]}: {error}; name another Java with HUB_JAVA") from error
        return self._process

    def _serves(self, process: JavaProcess, ports: Ports, timeout: float) -> bool:
        """True when it is ready, False when it ended by itself."""
        cluster_id = self._folder.cluster_id()
        deadline = time.monotonic() + timeout
        try:
            while process.wait(0.02) is None:
                if cluster_id is not None and serving_cluster(LOOPBACK, ports.broker) == cluster_id:
                    return True
                if time.monotonic() > deadline:
                    raise self._failure(f"Kafka did not answer on port {ports.broker} within {timeout:.0f} s")
        except BaseException:  # Ctrl-C while it starts, too
            process.kill()
            raise
        return False

    def _failure(self, what: str) -> BrokerStartError:
        self._folder.check_space()  # the likeliest reason has its own error
        return BrokerStartError(f"{what}; {self.last_words()}")

    def _announce(self, ports: Ports) -> None:
        assert self._process is not None
        self._folder.write_version()
        remember_ports(self._folder.ports, ports)
        self._folder.running.write_text(json.dumps({"address": _address(ports), "pid": self._process.pid}))

    def _release(self) -> None:
        if self._locks is not None:
            self._folder.running.unlink(missing_ok=True)
            self._locks.release()
            self._locks = None


def running_address(home: Path) -> str | None:
    """``host:port`` of the broker that runs for this home right now, whoever started it; None if none does."""
    folder = BrokerFolder(home.resolve())
    try:
        announced = json.loads(folder.running.read_bytes())
        command = psutil.Process(announced["pid"]).cmdline()
    except (OSError, ValueError, psutil.Error):
        return None
    return str(announced["address"]) if folder.mark in command else None


def cluster_of(home: Path) -> str | None:
    """The id of the cluster whose data is in this home; None where there is none yet."""
    return BrokerFolder(home.resolve()).cluster_id()


def _address(ports: Ports) -> str:
    return f"{LOOPBACK}:{ports.broker}"
