"""Notices what nobody raises: Faust apps die, leave their group, or stop fetching without a word."""

import asyncio
import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

_log = logging.getLogger(__name__)

_EVERY = 1.0  # seconds
_PATIENCE = 60.0  # seconds without being a member, or without reading what is there
_BLOCKED = 60.0  # seconds without the event loop


class Watched(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def app(self) -> Any: ...


class StalledError(Exception):
    """A processor does nothing, and will not recover by itself."""


class Watchdog:
    """Calls ``failed`` for the first processor that is dead or stalled. A destination that is down is neither: its
    records are read, and wait. ``processors`` may change meanwhile.
    """

    def __init__(self, processors: Sequence[Watched], failed: Callable[[BaseException], None]) -> None:
        self._processors = processors
        self._failed = failed
        self._fine = dict.fromkeys((processor.name for processor in processors), time.monotonic())

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            for processor in tuple(self._processors):
                self._check(processor)

    def _check(self, processor: Watched) -> None:
        app, now = processor.app, time.monotonic()
        if app.crashed:
            reason = app.crash_reason
            self._failed(reason if isinstance(reason, BaseException) else StalledError(f"{processor.name} crashed"))
        elif app.consumer.stalled():
            if now - self._fine.setdefault(processor.name, now) > _PATIENCE:
                self._failed(StalledError(f"{processor.name} read nothing for {_PATIENCE:g} s although it should"))
        else:
            self._fine[processor.name] = now


def end_when_blocked(loop: asyncio.AbstractEventLoop, seconds: float = _BLOCKED) -> None:
    """End the process when its event loop is blocked: a connector's code does not return, and Faust's own thread keeps
    the partitions meanwhile. Nothing is lost: what was not committed is read again. Who blocks is in the log.
    """
    alive = threading.Event()

    def tick() -> None:
        alive.set()
        loop.call_later(1.0, tick)

    def watch() -> None:
        while alive.wait(seconds):
            alive.clear()
            time.sleep(min(1.0, seconds))
        _log.critical("the event loop is blocked, ending the process", extra={"seconds": seconds})
        faulthandler.dump_traceback(sys.stderr)
        os._exit(1)

    loop.call_soon(tick)
    threading.Thread(target=watch, name="watchdog", daemon=True).start()
