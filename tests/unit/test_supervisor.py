"""The supervisor with real processes: small Python programs stand in for the parts."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.supervisor import CONFIGURATION_ERROR, Part, Supervisor

STAYS = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\ntime.sleep(60)"
IGNORES_SIGTERM = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)"


def program(source: str, name: str = "part", stop_timeout: float = 5.0) -> Part:
    return Part(name, [sys.executable, "-c", source], stop_timeout=stop_timeout)


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never became true"
        await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_crashed_part_is_started_again() -> None:
    supervisor = Supervisor([program(STAYS)])
    running = asyncio.create_task(supervisor.run())
    await until(lambda: "part" in supervisor.pids())
    first = supervisor.pids()["part"]
    os.kill(first, signal.SIGKILL)
    await until(lambda: supervisor.pids().get("part", first) != first)
    supervisor.stop()
    assert await running == 0


async def test_parts_stop_in_reverse_order_so_that_the_log_outlives_its_users(tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    source = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        f"    open({str(ends)!r}, 'a').write(sys.argv[1] + ' ')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        f"open({str(tmp_path)!r} + '/up-' + sys.argv[1], 'w')\n"
        "time.sleep(60)"
    )
    parts = [Part(name, [sys.executable, "-c", source, name]) for name in ("broker", "worker", "ingress")]
    supervisor = Supervisor(parts)
    running = asyncio.create_task(supervisor.run())
    await until(lambda: len(list(tmp_path.glob("up-*"))) == len(parts))
    supervisor.stop()
    assert await running == 0
    assert ends.read_text().split() == ["ingress", "worker", "broker"]


async def test_a_part_is_started_only_when_the_one_before_it_is_ready(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    parts = [Part("broker", [sys.executable, "-c", STAYS], is_ready=ready.exists), program(STAYS, "worker")]
    supervisor = Supervisor(parts)
    running = asyncio.create_task(supervisor.run())
    await until(lambda: "broker" in supervisor.pids())
    assert "worker" not in supervisor.pids()
    ready.touch()
    await until(lambda: "worker" in supervisor.pids())
    supervisor.stop()
    assert await running == 0


async def test_a_stop_ends_the_wait_for_a_part_that_never_gets_ready() -> None:
    supervisor = Supervisor([Part("broker", [sys.executable, "-c", STAYS], is_ready=lambda: False)])
    running = asyncio.create_task(supervisor.run())
    await until(lambda: "broker" in supervisor.pids())
    supervisor.stop()
    assert await asyncio.wait_for(running, 5) == 0


async def test_a_part_that_will_not_stop_is_killed_after_its_deadline() -> None:
    supervisor = Supervisor([program(IGNORES_SIGTERM, stop_timeout=0.3)])
    running = asyncio.create_task(supervisor.run())
    await until(lambda: "part" in supervisor.pids())
    pid = supervisor.pids()["part"]
    supervisor.stop()
    assert await asyncio.wait_for(running, 5) == 0
    assert not is_alive(pid)


async def test_parts_come_and_go_and_the_others_notice_nothing() -> None:
    broker, worker, plugin = (program(STAYS, name) for name in ("broker", "worker", "plugin"))
    supervisor = Supervisor([broker, worker])
    running = asyncio.create_task(supervisor.run())
    await until(lambda: len(supervisor.pids()) == 2)
    before = dict(supervisor.pids())
    await supervisor.change([broker, worker, plugin])
    await until(lambda: "plugin" in supervisor.pids())
    await supervisor.change([broker, worker])
    assert supervisor.pids() == before
    assert [part.name for part in supervisor.parts] == ["broker", "worker"]
    await supervisor.change([broker, worker, plugin])
    await until(lambda: "plugin" in supervisor.pids())
    pid = supervisor.pids()["plugin"]
    os.kill(pid, signal.SIGKILL)
    await until(lambda: supervisor.pids().get("plugin", pid) != pid)  # it is kept like the others, also if it came back
    supervisor.stop()
    assert await running == 0
    assert not supervisor.pids()


async def test_a_part_that_goes_may_end_as_it_likes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its file may be what cannot be used any more; for the others that is no reason to stop."""
    up = tmp_path / "up"
    source = (
        "import os, signal, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: os._exit({CONFIGURATION_ERROR}))\n"
        f"open({str(up)!r}, 'w')\n"
        "time.sleep(60)"
    )
    supervisor = Supervisor([program(STAYS, "worker"), program(source, "plugin")])
    running = asyncio.create_task(supervisor.run())
    await until(up.exists)
    await supervisor.change([program(STAYS, "worker")])
    assert "restarting" not in caplog.text
    assert not running.done()
    assert set(supervisor.pids()) == {"worker"}
    supervisor.stop()
    assert await running == 0


async def test_a_part_that_is_no_longer_wanted_before_its_turn_is_never_started(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    broker = Part("broker", [sys.executable, "-c", STAYS], is_ready=ready.exists)
    supervisor = Supervisor([broker, program(STAYS, "plugin"), program(STAYS, "worker")])
    running = asyncio.create_task(supervisor.run())
    await until(lambda: "broker" in supervisor.pids())
    await supervisor.change([broker, program(STAYS, "worker")])
    ready.touch()
    await until(lambda: "worker" in supervisor.pids())
    assert "plugin" not in supervisor.pids()
    supervisor.stop()
    assert await running == 0


async def test_a_configuration_error_of_a_part_ends_everything_instead_of_a_restart_loop() -> None:
    supervisor = Supervisor([program(STAYS, "broker"), program(f"raise SystemExit({CONFIGURATION_ERROR})", "worker")])
    assert await asyncio.wait_for(supervisor.run(), 10) == CONFIGURATION_ERROR
    assert supervisor.pids() == {}


async def test_kill_9_of_the_supervisor_leaves_no_part_behind(tmp_path: Path) -> None:
    blocked = (  # a part whose main thread never comes back to anything like an event loop
        "import os, signal, time\n"
        "from hub.supervisor import end_with_supervisor\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "end_with_supervisor(grace=0.2)\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(60)"
    )
    supervise = (
        "import asyncio, sys\n"
        "from hub.supervisor import Part, Supervisor\n"
        f"asyncio.run(Supervisor([Part('part', [sys.executable, '-c', {blocked!r}])]).run())"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", supervise])
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    part = int((tmp_path / "pid").read_text())
    supervisor.kill()
    supervisor.wait()
    await until(lambda: not is_alive(part))
