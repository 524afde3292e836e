"""What every benchmark stands on: a broker, a folder with a ``hub.yaml``, and child processes that are measured."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from hub.log.connection import KafkaConnection
from tests.bench.webhooks import SECRET

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3
_DEADLINE = 60.0  # seconds for anything to get ready or done


@dataclass(frozen=True, slots=True)
class Stage:
    """Broker and folder of one run. ``kafka_pid`` is the JVM's."""

    folder: Path
    kafka: KafkaConnection
    kafka_pid: int
    environment: dict[str, str] = field(default_factory=dict)

    def configuration(self, name: str, text: str) -> Path:
        """Write a ``hub.yaml`` of its own: ``name`` keeps its topics apart. ``{secret}`` stands for the senders'."""
        path = self.folder / name / "hub.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"version: 1\nname: {name}\n" + text.replace("{secret}", SECRET))
        return path

    @contextmanager
    def running(self, *arguments: str) -> Iterator["Child"]:
        """``python ARGUMENTS``, from its start until the block ends. Its output goes to a file of the folder."""
        log = self.folder / f"{arguments[-1].replace('/', '_')[-40:]}-{time.time_ns()}.log"
        ours = {"HUB_KAFKA": self.kafka.bootstrap, "HUB_HOME": str(self.folder / "hub"), "HUB_LOG_LEVEL": "WARNING"}
        environment = {**os.environ, **ours, **self.environment}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            yield Child(process, log)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass(frozen=True, slots=True)
class Child:
    process: "subprocess.Popen[bytes]"
    log: Path

    def cpu(self) -> float:
        """Seconds of CPU so far, threads and children included."""
        whole = psutil.Process(self.process.pid)
        times = [each.cpu_times() for each in (whole, *whole.children(recursive=True))]
        return float(sum(each.user + each.system for each in times))

    def until(self, condition: Callable[[], bool], what: str, deadline: float = _DEADLINE) -> None:
        """Wait for a condition; the error shows the end of the child's output."""
        end = time.monotonic() + deadline
        while not condition():
            if self.process.poll() is not None:
                raise RuntimeError(f"{what}: it ended with {self.process.returncode}\n{self._last_words()}")
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: not within {deadline:.0f} s\n{self._last_words()}")
            time.sleep(0.02)

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


def answers(port: int, path: str) -> bool:
    """Whether a GET is answered 200."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=1) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def output_of(module: str, *arguments: str) -> bytes:
    """Run a module of the benchmarks to its end and return what it printed."""
    command: Sequence[str] = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{module} failed: {done.stderr.decode()[-2000:]}")
    return done.stdout
