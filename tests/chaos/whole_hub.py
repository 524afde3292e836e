"""A whole hub as a person runs it: ``hub up`` in a folder of its own, with its broker, killed and started at will."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

import orjson
import psutil

from hub.log.connection import KafkaConnection
from hub.log.embedded import running_address
from tests.fixtures.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(__file__).parent / "site"
_HUB = (sys.executable, "-P", "-m", "hub")
PATIENCE = 180.0  # seconds for anything that takes two on a quiet machine
_RESTART_PAUSE = 0.5


class Backlog(NamedTuple):
    """Of one topic: records ever written, and those its group has yet to work off."""

    written: int
    lag: int


class WholeHub:
    """``async with hub.running()``. Inside, whoever keeps services on this machine starts it again when it ends.

    ``kafka`` names a broker that is there; without, it brings its own. ``without`` names the safeguard that is
    switched off (`tests.chaos.safeguards`).
    """

    def __init__(self, folder: Path, *, kafka: KafkaConnection | None = None, without: str | None = None) -> None:
        self.folder = folder
        self.home = folder / ".hub"
        self.port = free_port()
        self.starts = 0
        self._kafka = kafka
        self._process: subprocess.Popen[bytes] | None = None
        self._kept = False
        chaos = {"HUB_KAFKA": kafka.bootstrap if kafka else "", "CHAOS_WITHOUT": without or ""}
        self.environ: Mapping[str, str] = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HUB_")},
            **chaos,
            "HUB_HOME": str(self.home),
            "HUB_ALLOW_PRIVATE": "1",
            "HUB_LOG_LEVEL": "warning",
            "PYTHONPATH": os.pathsep.join([str(SITE), str(ROOT)]),
        }

    @property
    def configuration(self) -> Path:
        return self.folder / "hub.yaml"

    @property
    def log(self) -> Path:
        return self.folder / "up.log"

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-6000:] if self.log.exists() else ""

    # -- its life

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Up and ready inside the block, and gone after it, whatever happened."""
        self._start()
        self._kept = True
        keeping = asyncio.create_task(self._keep())
        try:
            await self.until_ready()
            yield
        finally:
            self._kept = False
            keeping.cancel()
            await asyncio.wait([keeping])
            await asyncio.to_thread(self._end)

    async def until_ready(self) -> None:
        """Until every part runs and the ingress can store."""
        await self.until(self._is_ready, "the hub is ready")

    def kill(self) -> None:
        """SIGKILL the supervisor. Its parts notice, and end by themselves."""
        assert self._process is not None
        self._process.kill()

    async def until(self, condition: Callable[[], object], what: str, deadline: float = PATIENCE) -> None:
        """Wait for a condition, which may block. The error shows what the hub said last."""
        end = time.monotonic() + deadline
        while not await asyncio.to_thread(condition):
            assert time.monotonic() < end, f"{what}: not within {deadline:g} s\n{self.last_words()}"
            await asyncio.sleep(0.05)

    def _start(self) -> None:
        self.starts += 1
        argv = [*_HUB, "up", "--config", str(self.configuration), "--port", str(self.port), "--api-port", "0"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(argv, cwd=self.folder, env=self.environ, stdout=log, stderr=log)

    async def _keep(self) -> None:
        while self._kept:
            assert self._process is not None
            if self._process.poll() is not None:
                self._start()
            await asyncio.sleep(_RESTART_PAUSE)

    def _end(self) -> None:
        assert self._process is not None
        family = self.processes()
        for each in family:  # what a fault left frozen cannot end
            with suppress(psutil.Error):
                each.resume()
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(90)
        for each in family:
            with suppress(psutil.Error):
                each.kill()
        self._process.kill()
        self._process.wait()

    def _is_ready(self) -> bool:
        if not self.parts():
            return False
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    # -- its parts

    def processes(self) -> list[psutil.Process]:
        """Everything of this hub that runs, orphans included: what has its home in its environment."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("HUB_HOME") == str(self.home):
                    found.append(process)
        return found

    def parts(self) -> dict[str, psutil.Process]:
        """What the supervisor keeps: ``broker``, ``ingress``, and workers by what they run (``route``, ``hooks``)."""
        found = {}
        with suppress(psutil.Error):
            assert self._process is not None
            for child in psutil.Process(self._process.pid).children():
                with suppress(psutil.Error, ValueError, IndexError):
                    words = child.cmdline()
                    command = words[words.index("hub") + 1]
                    name = words[words.index("--only") + 1] if "--only" in words else command
                    found[name] = child
        return found

    def jvm(self) -> psutil.Process | None:
        """The broker itself; None while it does not run."""
        with suppress(OSError, ValueError, psutil.Error):
            announced = orjson.loads((self.home / "kafka" / "broker.json").read_bytes())
            process = psutil.Process(announced["pid"])
            return process if any("kafka" in word for word in process.cmdline()) else None
        return None

    # -- what it says

    @property
    def kafka(self) -> KafkaConnection:
        address = self._kafka.bootstrap if self._kafka else running_address(self.home)
        assert address is not None, f"the broker does not run\n{self.last_words()}"
        return KafkaConnection(address)

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run ``hub WORDS --config …`` against it."""
        return subprocess.run(
            [*_HUB, *words, "--config", str(self.configuration)],
            cwd=self.folder,
            env={**self.environ, "CHAOS_WITHOUT": ""},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def has_command(self, *words: str) -> bool:
        argv = [*_HUB, *words, "--help"]
        return subprocess.run(argv, env=self.environ, capture_output=True, check=False).returncode == 0

    def backlog(self) -> dict[str, Backlog] | None:
        """Of every topic that a group works off; None where it cannot be told now."""
        answer = self.command("topics", "--json")
        if answer.returncode != 0:
            return None
        topics = orjson.loads(answer.stdout)["topics"]
        return {one["name"]: Backlog(one["end"], one["lag"]) for one in topics if one["lag"] is not None}

    def all_committed(self) -> bool:
        backlog = self.backlog()
        return backlog is not None and not any(one.lag for one in backlog.values())
