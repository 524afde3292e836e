"""Two times. *Wall* time is what others see: timestamps of jobs and webhooks, which receivers check against their own
clocks. *Emulated* time is what durations, retries and expiries are counted in; it runs ``speed`` times as fast, and
can be advanced.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """Emulated and wall seconds at one moment, and the speed since. Kept on disk: time goes on while the emulator is
    stopped, as it would at Google.
    """

    emulated: float
    wall: float
    speed: float


class Clock:
    """``speed``: emulated seconds per second. ``wall``: seconds since 1970."""

    def __init__(self, speed: float, *, wall: Callable[[], float] = time.time, last: Reading | None = None) -> None:
        self.speed = speed
        self._wall = wall
        now = wall()
        emulated = last.emulated + max(0.0, now - last.wall) * last.speed if last else 0.0
        self._start = Reading(emulated, now, speed)

    def now(self) -> float:
        """Emulated seconds since the first start."""
        return self._start.emulated + (self._wall() - self._start.wall) * self.speed

    def wall(self) -> float:
        return self._wall()

    def wall_at(self, emulated: float) -> float:
        """When it will be, or was, on the wall clock, if nobody advances the time."""
        return self._start.wall + (emulated - self._start.emulated) / self.speed

    def advance(self, seconds: float) -> None:
        """Skip emulated time; the wall clock stays."""
        self._start = Reading(self.now() + seconds, self._wall(), self.speed)

    def reading(self) -> Reading:
        return Reading(self.now(), self._wall(), self.speed)


def timestamp(wall: float) -> str:
    """RFC 3339 in UTC with microseconds, as Google writes times."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
