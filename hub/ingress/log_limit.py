"""Keeps a flood of requests from becoming a flood of log lines."""

import logging
import time
from collections.abc import Callable


class LogLimit(logging.Filter):
    """Lets ``burst`` lines pass per ``interval`` seconds, and tells with the next one how many it held back."""

    def __init__(self, burst: int = 100, interval: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._burst = burst
        self._interval = interval
        self._clock = clock
        self._since = clock()
        self._passed = 0
        self._suppressed = 0

    def filter(self, record: logging.LogRecord) -> bool:
        now = self._clock()
        if now - self._since >= self._interval:
            self._since, self._passed = now, 0
        if self._passed >= self._burst:
            self._suppressed += 1
            return False
        self._passed += 1
        if self._suppressed:
            record.suppressed = self._suppressed
            self._suppressed = 0
        return True
