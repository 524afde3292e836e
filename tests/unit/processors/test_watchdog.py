import subprocess
import sys
from types import SimpleNamespace

import pytest

from hub.processors import watchdog
from hub.processors.watchdog import StalledError, Watchdog


class Watched:
    name = "deliver.out"

    def __init__(self) -> None:
        self.stalled = False
        self.app = SimpleNamespace(
            crashed=False, crash_reason=None, consumer=SimpleNamespace(stalled=lambda: self.stalled)
        )


@pytest.fixture
def failures() -> list[BaseException]:
    return []


def check(watched: Watched, failures: list[BaseException]) -> None:
    Watchdog([watched], failures.append)._check(watched)


def test_a_crash_is_reported_with_its_reason(failures: list[BaseException]) -> None:
    watched = Watched()
    watched.app.crashed, watched.app.crash_reason = True, ValueError("boom")
    check(watched, failures)
    assert failures == [watched.app.crash_reason]


def test_a_crash_without_a_reason_is_reported_as_well(failures: list[BaseException]) -> None:
    watched = Watched()
    watched.app.crashed = True
    check(watched, failures)
    assert isinstance(failures[0], StalledError)


def test_standing_still_is_reported_after_a_while_only(
    failures: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched()
    watched.stalled = True
    dog = Watchdog([watched], failures.append)
    dog._check(watched)
    assert failures == []
    monkeypatch.setattr(watchdog, "_PATIENCE", -1.0)
    dog._check(watched)
    assert isinstance(failures[0], StalledError)


def test_working_again_starts_the_clock_anew(failures: list[BaseException]) -> None:
    watched = Watched()
    dog = Watchdog([watched], failures.append)
    dog._fine[watched.name] -= 1000
    dog._check(watched)
    watched.stalled = True
    dog._check(watched)
    assert failures == []


def test_a_connector_that_blocks_the_event_loop_ends_its_process_and_is_named() -> None:
    """Its neighbours have another process, and the supervisor starts this one anew."""
    program = """
import asyncio, time
from hub.processors.watchdog import end_when_blocked

def a_connector_that_never_returns():
    time.sleep(600)

async def main():
    end_when_blocked(asyncio.get_running_loop(), seconds=0.5)
    await asyncio.sleep(0.1)
    a_connector_that_never_returns()

asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "a_connector_that_never_returns" in ended.stderr
