"""Faults of processes and of what they stand on: killed, frozen, started over, out of disk, badly configured."""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psutil

from tests.chaos.arena import Arena
from tests.chaos.schedule import JVM, Fault
from tests.chaos.whole_hub import WholeHub

_BROKEN = (
    "version: 1\nroutes: [{id: keep, to: nobody}]\n",  # no such destination
    "version: 1\n  sources: ]\n",  # no YAML
    "",
)
_POLL = 0.1  # seconds


@asynccontextmanager
async def killed(arena: Arena, fault: Fault) -> AsyncIterator[None]:
    name = fault.hazard.target
    victim = await running(arena.hub, name)
    with suppress(psutil.Error):
        victim.kill()
    yield
    await arena.hub.until(lambda: _process(arena.hub, name) not in {None, victim}, f"another {name}")
    await arena.hub.until_ready()


@asynccontextmanager
async def frozen(arena: Arena, fault: Fault) -> AsyncIterator[None]:
    victim = await running(arena.hub, fault.hazard.target)
    with suppress(psutil.Error):
        victim.suspend()
    try:
        yield
    finally:
        with suppress(psutil.Error):  # another fault may have killed it
            victim.resume()


@asynccontextmanager
async def killed_supervisor(arena: Arena, _: Fault) -> AsyncIterator[None]:
    before = arena.hub.starts
    arena.hub.kill()
    yield
    await arena.hub.until(lambda: arena.hub.starts > before, "another supervisor")
    await arena.hub.until_ready()


@asynccontextmanager
async def broker_down(arena: Arena, _: Fault) -> AsyncIterator[None]:
    async def keep_down() -> None:
        while True:
            broker = await asyncio.to_thread(arena.hub.jvm)
            if broker is not None:
                with suppress(psutil.Error):
                    broker.kill()
            await asyncio.sleep(_POLL)

    killing = asyncio.create_task(keep_down())
    try:
        yield
    finally:
        killing.cancel()
        await asyncio.wait([killing])
    await arena.hub.until_ready()


@asynccontextmanager
async def full_disk(arena: Arena, fault: Fault) -> AsyncIterator[None]:
    disk = arena.disks[fault.hazard.target]
    await asyncio.to_thread(disk.fill)
    try:
        yield
    finally:
        await asyncio.to_thread(disk.free)
    await arena.hub.until_ready()


@asynccontextmanager
async def broken_rules(arena: Arena, fault: Fault) -> AsyncIterator[None]:
    """Somebody saves a mistake, and the parts that read it next cannot start."""
    path = arena.hub.configuration
    right = path.read_text()
    path.write_text(_BROKEN[fault.number % len(_BROKEN)])
    try:
        for name in ("route", "ingress"):
            if (part := arena.hub.parts().get(name)) is not None:
                with suppress(psutil.Error):
                    part.kill()
        yield
    finally:
        path.write_text(right)
    await arena.hub.until_ready()


@asynccontextmanager
async def coming_and_going(arena: Arena, _: Fault) -> AsyncIterator[None]:
    """More workers, as on other machines: each joins every group, and leaves by itself or by a kill."""
    gone = asyncio.Event()
    coming = asyncio.create_task(_come_and_go(arena.hub, gone))
    yield
    await asyncio.wait([coming, asyncio.create_task(gone.wait())], return_when=asyncio.FIRST_COMPLETED)
    coming.cancel()
    await asyncio.wait([coming])
    if not coming.cancelled():
        coming.result()


async def _come_and_go(hub: WholeHub, gone: asyncio.Event) -> None:
    """``gone`` is set when the first has come and gone."""
    for number in itertools.count():
        home = hub.folder / "elsewhere" / str(number % 2)
        home.mkdir(parents=True, exist_ok=True)
        log = home / "worker.log"
        if hub.jvm() is None:  # there is nothing to join
            await asyncio.sleep(_POLL)
            continue
        environ = {**hub.environ, "HUB_HOME": str(home), "HUB_KAFKA": hub.kafka.bootstrap, "HUB_LOG_LEVEL": "info"}
        with log.open("wb") as output:
            worker = subprocess.Popen(
                [sys.executable, "-P", "-m", "hub", "worker", "--config", str(hub.configuration)],
                env=environ,
                stdout=output,
                stderr=output,
            )
        try:
            while worker.poll() is None and "worker runs" not in log.read_text(errors="replace"):  # noqa: ASYNC110  (another process)
                await asyncio.sleep(_POLL)
            await asyncio.sleep(1.0)  # let it have partitions
            if number % 2:
                worker.terminate()
                await asyncio.to_thread(worker.wait, 90)
            gone.set()
        finally:
            worker.kill()
            worker.wait()


async def running(hub: WholeHub, name: str) -> psutil.Process:
    """The process of a part (or ``jvm``), once there is one."""
    await hub.until(lambda: _process(hub, name) is not None, f"{name} runs")
    found = _process(hub, name)
    return found if found is not None else await running(hub, name)


def _process(hub: WholeHub, name: str) -> psutil.Process | None:
    return hub.jvm() if name == JVM else hub.parts().get(name)
