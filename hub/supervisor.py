"""Keeps the parts of one hub running: starts them, restarts what crashes, stops all of them in order.

A part is a process. It ends when its supervisor does, however that ends: each part holds the read end of a pipe
whose write end only the supervisor has, and a thread of it waits for the end of that pipe (``end_with_supervisor``).
"""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

LIFELINE = "_HUB_LIFELINE_FD"
"""The environment variable that hands the pipe to a part."""

CONFIGURATION_ERROR = 2
"""A part that exits with this would fail the same way again: everything stops and says so."""

_FIRST_BACKOFF, _LONGEST_BACKOFF, _HEALTHY_AFTER, _READY_POLL = 0.5, 30.0, 60.0, 0.05  # seconds

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """One process: its name in logs, its command line, and how many seconds it may take to drain on SIGTERM.

    ``is_ready`` is asked, often, until it says yes; the parts after this one are started then. ``heartbeat`` is the
    file that the part keeps fresh while it does its work (`hub.notify`).
    """

    name: str
    argv: Sequence[str]
    stop_timeout: float = 30.0
    environ: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[], bool] = lambda: True
    heartbeat: Path | None = None


class Supervisor:
    """Runs parts until told to stop. The order of ``parts`` is the order of starting; stopping goes backwards. They may
    `change` meanwhile: those that come start after the others.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._waiting = list(parts)
        self._stop = asyncio.Event()
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._exit_code = 0
        self._ending: set[str] = set()
        self._keepers: list[tuple[Part, asyncio.Task[None]]] = []
        self._lifeline: int | None = None
        self._turn = asyncio.Lock()

    def stop(self) -> None:
        """Begin to stop. Safe to call from a signal handler of the loop, and more than once."""
        self._stop.set()

    def pids(self) -> Mapping[str, int]:
        """The process ids of the parts that run right now."""
        return {name: process.pid for name, process in self._running.items()}

    @property
    def parts(self) -> Sequence[Part]:
        """Those that run now, and those that wait for them."""
        return [*(part for part, _ in self._keepers), *self._waiting]

    async def run(self) -> int:
        """Run until ``stop``, or until a part exits with CONFIGURATION_ERROR. Returns the exit code."""
        lifeline, ours = os.pipe()
        try:
            self._lifeline = lifeline
            while self._waiting and not self._stop.is_set():
                part = self._waiting.pop(0)
                self._start(part, lifeline)
                await self._until_ready(part)
            await self._stop.wait()
            async with self._turn:
                for part, keeper in reversed(self._keepers):
                    await self._drop(part, keeper)
        finally:
            os.close(ours)
            os.close(lifeline)
        return self._exit_code

    async def change(self, parts: Sequence[Part]) -> None:
        """From now on these run, by their names. Returns when those that are no longer wanted have ended."""
        async with self._turn:
            if self._stop.is_set() or self._lifeline is None:
                return
            wanted = {part.name for part in parts}
            self._waiting = [part for part in self._waiting if part.name in wanted]
            before = self._keepers
            self._keepers = [(part, keeper) for part, keeper in before if part.name in wanted]
            for part, keeper in before:
                if part.name not in wanted:
                    _log.info("part no longer wanted", extra={"part": part.name})
                    await self._drop(part, keeper)
            known = {part.name for part, _ in self._keepers} | {part.name for part in self._waiting}
            for part in [part for part in parts if part.name not in known]:
                _log.info("part wanted from now on", extra={"part": part.name})
                self._start(part, self._lifeline)

    def _start(self, part: Part, lifeline: int) -> None:
        self._ending.discard(part.name)
        self._keepers.append((part, asyncio.create_task(self._keep(part, lifeline), name=part.name)))

    async def _drop(self, part: Part, keeper: "asyncio.Task[None]") -> None:
        self._ending.add(part.name)
        await self._end(part)
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper

    async def _until_ready(self, part: Part) -> None:
        while not (part.is_ready() or self._stop.is_set()):
            with suppress(TimeoutError):
                async with asyncio.timeout(_READY_POLL):
                    await self._stop.wait()

    async def _keep(self, part: Part, lifeline: int) -> None:
        backoff = _FIRST_BACKOFF
        while not self._stop.is_set():
            started = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                *part.argv,
                stdin=asyncio.subprocess.DEVNULL,
                env={**_without_systemd(os.environ), **part.environ, LIFELINE: str(lifeline)},
                pass_fds=(lifeline,),
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops the parts in order
            )
            self._running[part.name] = process
            code = await process.wait()
            del self._running[part.name]
            if self._stop.is_set() or part.name in self._ending:
                return
            if code == CONFIGURATION_ERROR:
                self._exit_code = CONFIGURATION_ERROR
                self.stop()
                return
            if time.monotonic() - started > _HEALTHY_AFTER:
                backoff = _FIRST_BACKOFF
            _log.warning("part ended, restarting", extra={"part": part.name, "exit_code": code, "restart_in": backoff})
            with suppress(TimeoutError):
                async with asyncio.timeout(backoff):
                    await self._stop.wait()
            backoff = min(backoff * 2, _LONGEST_BACKOFF)

    async def _end(self, part: Part) -> None:
        process = self._running.get(part.name)
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(part.stop_timeout):
                await process.wait()
        except TimeoutError:
            _log.warning("part did not stop in time, killed", extra={"part": part.name, "timeout": part.stop_timeout})
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _without_systemd(environ: Mapping[str, str]) -> dict[str, str]:
    """Systemd is told by the supervisor alone."""
    return {name: value for name, value in environ.items() if name not in {"NOTIFY_SOCKET", *_WATCHDOG}}


_WATCHDOG = ("WATCHDOG_USEC", "WATCHDOG_PID")


def end_with_supervisor(grace: float = 30.0) -> None:
    """Called first thing by a part: when the supervisor is gone, drain as on SIGTERM, and be gone ``grace`` seconds
    later whatever hangs. Does nothing in a process that no supervisor started.

    A thread and not the event loop waits, so that a part whose loop is blocked ends as well.
    """
    lifeline = os.environ.get(LIFELINE)
    if lifeline is None:
        return
    descriptor = int(lifeline)
    os.set_inheritable(descriptor, False)  # noqa: FBT003  (os names it positionally)

    def wait() -> None:
        os.read(descriptor, 1)  # returns at the end of the pipe: the supervisor is gone
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace)
        os._exit(1)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
