"""Tells whoever watches that all is well: systemd by its socket, anybody else by a file that stays fresh.

A heartbeat comes from the event loop, so a process whose loop is blocked has none.
"""

import asyncio
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

EVERY = 2.0
"""Seconds between two beats."""

STALE = 30.0
"""Seconds without a beat after which nobody should believe that a process is well."""


def notify(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell systemd (sd_notify(3)): ``READY=1``, ``STATUS=…``, ``STOPPING=1``, ``WATCHDOG=1``. False without one."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.sendall(state.encode())
        except OSError:  # nobody listens any more: no reason to stop working
            return False
    return True


def watchdog_seconds(environ: Mapping[str, str] = os.environ) -> float | None:
    """How often systemd wants to hear ``WATCHDOG=1`` from this process: twice in its WatchdogSec; None: never."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(microseconds) / 2e6 if microseconds.isdigit() and int(microseconds) and mine else None


def beat(loop: asyncio.AbstractEventLoop, file: Path | None) -> None:
    """From now on the loop touches ``file`` every EVERY seconds, and tells systemd as often as it wants to hear."""
    seconds = watchdog_seconds()

    def touch() -> None:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            loop.call_later(EVERY, touch)

    def tell() -> None:
        if seconds is not None:
            notify("WATCHDOG=1")
            loop.call_later(seconds, tell)

    loop.call_soon(touch)
    loop.call_soon(tell)


def ready(file: Path | None) -> None:
    """To be called in the event loop of a part when it does its work: from now on it beats."""
    beat(asyncio.get_running_loop(), file)
    notify("READY=1")


def is_fresh(file: Path) -> bool:
    """Whether a process has beaten lately."""
    try:
        return time.time() - file.stat().st_mtime < STALE
    except OSError:
        return False
