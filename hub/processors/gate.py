"""Lets calls to one destination through while it is up; while it is down, one at a time, after a pause, as a probe."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress


class Gate:
    """For all partitions of a destination in this process. Times are seconds of ``clock``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open = True
        self._closed_at = 0.0
        self._until = 0.0
        self._probing = False
        self._changed = asyncio.Event()
        self._paused = 0.0
        self.failures = 0
        """How often in a row the destination was found down; for the backoff."""

    @property
    def paused(self) -> float:
        """Seconds for which the gate has been closed since it was made: the age of deliveries stands still then."""
        return self._paused + (0.0 if self._open else self._clock() - self._closed_at)

    @property
    def is_open(self) -> bool:
        return self._open

    async def enter(self) -> float:
        """Return when a call may begin, with the time to report its end with. ``opened``, ``closed`` or ``left`` must
        follow, whatever becomes of the call.
        """
        while not self._open:
            wait = self._until - self._clock()
            if wait <= 0 and not self._probing:
                self._probing = True
                break
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), None if self._probing else max(wait, 0.001))
        return self._clock()

    def opened(self, entered: float) -> None:
        """A call got through. One that began before the gate was closed proves nothing."""
        if self._open:
            self.failures = 0
        elif entered >= self._until:
            self._paused += self._clock() - self._closed_at
            self._open = True
            self.failures = 0
        self.left(entered)

    def closed(self, entered: float, delay: float, *, down: bool) -> None:
        """A call was refused: nobody calls before ``delay`` seconds from now. ``down``: counts as a failure."""
        now = self._clock()
        first = self._open
        if down and (first or entered >= self._until):  # the others that were in flight say nothing new
            self.failures += 1
        if first:
            self._open = False
            self._closed_at = now
        self.left(entered)
        self._until = max(self._until, now + delay)

    def left(self, entered: float) -> None:
        """The call ended and proved nothing."""
        if entered >= self._until:
            self._probing = False
        self._changed.set()
