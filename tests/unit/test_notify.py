"""What systemd, or a file, is told."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.cli import up
from hub.config.settings import Settings
from hub.notify import STALE, beat, is_fresh, notify, watchdog_seconds


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@hub-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(name.replace("@", "\0", 1))
        channel.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield channel


def test_systemd_hears_what_it_is_told(systemd: socket.socket) -> None:
    assert notify("READY=1")
    assert systemd.recv(100) == b"READY=1"


def test_without_systemd_nothing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not notify("READY=1")


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time(environ: dict[str, str], seconds: float | None) -> None:
    assert watchdog_seconds(environ) == seconds


async def test_a_loop_that_runs_keeps_its_file_fresh(tmp_path: Path) -> None:
    file = tmp_path / "run" / "beat"
    assert not is_fresh(file)
    beat(asyncio.get_running_loop(), file)
    async with asyncio.timeout(10):
        while not is_fresh(file):  # noqa: ASYNC110  (the loop's own callback tells nobody)
            await asyncio.sleep(0)
    os.utime(file, (0, 0))
    assert not is_fresh(file), f"nobody has beaten for more than {STALE:g} s"


async def test_the_watchdog_is_not_fed_while_a_part_is_silent(
    systemd: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    beats = [tmp_path / "worker", tmp_path / "ingress"]
    telling = asyncio.create_task(up._tell(lambda: beats, ["http://127.0.0.1:1/in/x"], Settings(home=tmp_path)))
    for each in beats:
        each.touch()

    async def told() -> str:
        return (await asyncio.to_thread(systemd.recv, 200)).decode()

    assert await told() == "READY=1\nSTATUS=receiving webhooks: http://127.0.0.1:1/in/x"
    assert await told() == "WATCHDOG=1"
    os.utime(beats[0], (0, 0))
    while (last := await told()) == "WATCHDOG=1":
        pass
    assert last == "STATUS=no sign of life from worker"
    beats.pop(0)  # its destination is gone, and its process with it
    while (last := await told()) != "WATCHDOG=1":
        assert last == "STATUS=no sign of life from worker"
    telling.cancel()
