"""Paces deliveries to ``rate_limit``; drops nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class Pacer:
    """At most ``rate`` a second over all callers, who wait for their turn in the order they came; None: no limit.

    What was not used is not saved up: after a rest there is no burst.
    """

    def __init__(
        self,
        rate: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free = 0.0  # when the next one may begin

    async def turn(self, count: int = 1) -> None:
        """Return when ``count`` deliveries may begin."""
        if self._rate is None:
            return
        begin = max(self._free, self._clock())
        self._free = begin + count / self._rate
        if (wait := begin - self._clock()) > 0:
            await self._sleep(wait)
