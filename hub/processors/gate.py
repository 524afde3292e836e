"""The breaker of a destination: lets calls through while it is up; while it is down, one at a time, as a probe."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from hub.delivery.series import Series
from schemas.identity import DeliveryKey
from schemas.report import DestinationState

DOUBT = 1.0
"""Seconds for which a failed call waits for what becomes of others, before it counts as the fault of its delivery."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A call that went through. ``probe``: it alone finds out whether the destination is up again."""

    entered: float
    probe: bool


class Gate:
    """For all partitions of a destination in this process. Times are seconds of ``clock``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._closed_for: DestinationState | None = None  # DOWN or THROTTLED
        self._until = 0.0
        self._held: str | None = None
        self._shut_since = 0.0
        self._shut_for = 0.0  # seconds, of earlier times
        self._reason: str | None = None
        self._probing = False
        self._changed = asyncio.Event()
        self._calls = 0
        self._series = Series()
        self._doubts: set[asyncio.Future[bool]] = set()
        self.failures = 0
        """How often in a row the destination was found down; for the backoff."""

    # -- what others see of it

    @property
    def state(self) -> DestinationState:
        if self._held is not None:
            return DestinationState.PAUSED
        return self._closed_for or DestinationState.UP

    @property
    def reason(self) -> str | None:
        """Why it is not up."""
        return self._held if self._held is not None else self._reason

    @property
    def wait(self) -> float | None:
        """Seconds until the next call at the earliest; None where nobody knows, or it is up."""
        return None if self._held is not None or self._closed_for is None else max(0.0, self._until - self._clock())

    @property
    def paused(self) -> float:
        """Seconds for which nobody was let through since it was made: the age of deliveries stands still then."""
        return self._shut_for + (self._clock() - self._shut_since if self._is_shut else 0.0)

    @property
    def calls(self) -> int:
        """How many are under way."""
        return self._calls

    @property
    def is_open(self) -> bool:
        return self._closed_for is None

    @property
    def _is_shut(self) -> bool:
        return self._held is not None or self._closed_for is not None

    # -- a person

    def hold(self, reason: str) -> None:
        """Nobody is let through until ``release``."""
        if not self._is_shut:
            self._shut_since = self._clock()
        self._held = reason

    def release(self) -> None:
        """Undo ``hold``. The next call goes through at once, also where the destination was down before."""
        if self._held is None:
            return
        self._held = None
        self._until = min(self._until, self._clock())
        if not self._is_shut:
            self._shut_for += self._clock() - self._shut_since
        self._changed.set()

    def try_now(self) -> None:
        """The reason it is down for may have gone: the next probe need not wait."""
        if self._closed_for is DestinationState.DOWN:
            self._until = min(self._until, self._clock())
            self._changed.set()

    # -- calls

    async def enter(self) -> Passage:
        """Return when a call may begin. ``left`` must follow, whatever becomes of it."""
        probe = False
        while self._is_shut:
            wait = self._until - self._clock()
            if self._held is None and wait <= 0 and not self._probing:
                self._probing = probe = True
                break
            self._changed.clear()
            timeout = None if self._probing or self._held is not None else max(wait, 0.001)
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._changed.wait()
        self._calls += 1
        return Passage(self._clock(), probe)

    def left(self, passage: Passage) -> None:
        """The call ended; before it, ``succeeded``, ``failed`` or ``refused`` may have said how."""
        self._calls -= 1
        if passage.probe:
            self._probing = False
        self._changed.set()

    def succeeded(self, passage: Passage) -> bool:
        """It got through; whether the destination was down until now. A call that began before that proves nothing."""
        if not self.is_open and passage.entered < self._until:
            return False
        was_down = self._closed_for is DestinationState.DOWN
        if not self.is_open:
            self._closed_for = self._reason = None
            if not self._is_shut:
                self._shut_for += self._clock() - self._shut_since
        self.failures = 0
        self._series.succeeded()
        self._settle_doubts(outage=False)
        return was_down

    def refused(self, passage: Passage, delay: float, reason: str, *, down: bool) -> bool:
        """Nobody calls before ``delay`` seconds from now; whether the destination was taken for up until now.

        ``down``: it is out of order, as opposed to asking for less; what was in doubt is then its fault, too.
        """
        now = self._clock()
        news = down and self._closed_for is not DestinationState.DOWN
        if down and (self.is_open or passage.entered >= self._until):  # others that were in flight say nothing new
            self.failures += 1
        if not self._is_shut:
            self._shut_since = now
        if down or self.is_open:
            self._closed_for = DestinationState.DOWN if down else DestinationState.THROTTLED
        self._reason = reason
        self._until = max(self._until, now + delay)
        if down:
            self._settle_doubts(outage=True)
        return news

    def failed(self, deliveries: Iterable[DeliveryKey]) -> "bool | asyncio.Future[bool]":
        """A call failed as a whole and nobody says why: whether the destination is out of order. Where only other calls
        can tell, a future; give it to ``resolved``.
        """
        outage = self._series.failed(deliveries)
        if outage or self._closed_for is DestinationState.DOWN:
            self._settle_doubts(outage=True)
            return True
        doubt: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._doubts.add(doubt)
        return doubt

    async def resolved(self, doubt: "asyncio.Future[bool]", *, others: bool) -> bool:
        """Whether it was an outage; the delivery's own fault where ``others`` is false or nobody tells in time."""
        try:
            if not others and not doubt.done():
                return False
            async with asyncio.timeout(DOUBT):
                return await doubt
        except TimeoutError:
            return False
        finally:
            self._doubts.discard(doubt)

    def _settle_doubts(self, *, outage: bool) -> None:
        for doubt in self._doubts:
            if not doubt.done():
                doubt.set_result(outage)
        self._doubts.clear()
