"""Java's ahead-of-time cache (JEP 514), with which Kafka starts in a third of the time.

It is made once per user by a Kafka with a folder of its own, in the background at the lowest priority while the first
hub runs, and kept beside the jars. It only ever saves time: without it, or when Java rejects it, Kafka starts as usual,
and a start that crashes with it is repeated without it.
"""

import fcntl
import hashlib
import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from hub.log.embedded.errors import EmbeddedBrokerError
from hub.log.embedded.kafka import SERVER_PROPERTIES, Kafka
from hub.log.embedded.ports import LOOPBACK, choose_ports
from hub.log.embedded.process import JavaProcess
from hub.log.embedded.properties import server_properties
from hub.log.embedded.readiness import serving_cluster

_TRAINING_PORTS = range(29092, 29192)
_READY_WITHIN, _WRITTEN_WITHIN = 120.0, 300.0  # seconds; at the lowest priority, on a busy machine

_FORGOTTEN_AFTER = 30 * 86_400.0  # seconds since it was made

# With cached adapters Java 25 warns at each start that two of them do not fit. A later Java may not know the flag.
_PLAIN = ("-XX:+UnlockDiagnosticVMOptions", "-XX:+IgnoreUnrecognizedVMOptions", "-XX:-AOTAdapterCaching")

_log = logging.getLogger(__name__)


class AotCache:
    """The cache file for one Kafka on one Java: another jar, flag or Java makes another file."""

    def __init__(self, kafka: Kafka, folder: Path) -> None:
        self._kafka = kafka
        self._folder = folder
        self.file = folder / f"{hashlib.sha256(f'{_PLAIN} {kafka.fingerprint()}'.encode()).hexdigest()[:16]}.aot"

    def flags(self) -> list[str]:
        """What makes Java use it; nothing if there is none, or it was rejected."""
        return [*_PLAIN, f"-XX:AOTCache={self.file}"] if self.file.exists() and self.file.stat().st_size else []

    def reject(self) -> None:
        """Kafka starts without this cache but not with it: neither use it again nor make it again."""
        empty = self.file.with_suffix(".rejected")
        empty.touch()
        empty.replace(self.file)  # truncating it would kill every Kafka that has it mapped

    @property
    def wanted(self) -> bool:
        return self._kafka.java.can_train and not self.file.exists()

    def train(self, cancelled: threading.Event) -> bool:
        """Make the file; whether there is one now. Blocks for 10 to 60 s, less if ``cancelled``.

        Raises:
            EmbeddedBrokerError, OSError: it cannot be made here; Kafka runs without.
        """
        with (self._folder / "training.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # another hub of this user is at it
                return False
            root = self._folder / "training"
            shutil.rmtree(root, ignore_errors=True)  # of a hub that was killed
            try:
                root.mkdir()
                written = self._train_in(root, cancelled)
                if written.exists() and not cancelled.is_set():
                    written.replace(self.file)
                    self._forget_old_ones()
            finally:
                shutil.rmtree(root, ignore_errors=True)
        return self.file.exists()

    def _forget_old_ones(self) -> None:
        """64 MB for each Java and each set of flags that upgrades left behind; a hub that still wants one makes it."""
        for cache in self._folder.glob("*.aot"):
            if cache.stat().st_size and time.time() - cache.stat().st_mtime > _FORGOTTEN_AFTER:
                cache.unlink()

    def _train_in(self, root: Path, cancelled: threading.Event) -> Path:
        ports = choose_ports(_TRAINING_PORTS, None)
        self._kafka.format(root, ports)
        (root / SERVER_PROPERTIES).write_text(server_properties(ports, fsync=False))
        written = root / self.file.name
        nice = shutil.which("nice")
        argv = [*([nice, "-n", "19"] if nice else []), *self._kafka.server(*_PLAIN, f"-XX:AOTCacheOutput={written}")]
        process = JavaProcess(argv, folder=root, log=root / "training.log")

        def ended() -> bool:
            return process.poll() is not None

        try:
            _until(lambda: bool(serving_cluster(LOOPBACK, ports.broker)) or ended(), _READY_WITHIN, cancelled)
            process.terminate()  # Java writes the file on its way out
            _until(ended, _WRITTEN_WITHIN, cancelled)
        finally:
            process.kill()
        return written


class Training:
    """Makes the cache in a thread of its own, when asked to, and stops when told."""

    def __init__(self, cache: AotCache) -> None:
        self._cache = cache
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-aot-training", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Give up what is not finished. Blocks until it has, at most a few seconds."""
        self._cancelled.set()
        self._thread.join(10.0)

    def _run(self) -> None:
        try:
            if self._cache.train(self._cancelled):
                _log.info("Kafka will start faster from now on", extra={"cache": str(self._cache.file)})
        except (EmbeddedBrokerError, OSError) as error:
            _log.info("Kafka starts without an ahead-of-time cache", extra={"reason": str(error)})


def _until(condition: Callable[[], bool], timeout: float, cancelled: threading.Event) -> None:
    """Wait until it holds, time is up, or somebody cancels."""
    end = time.monotonic() + timeout
    while time.monotonic() < end and not condition() and not cancelled.wait(0.1):
        pass
