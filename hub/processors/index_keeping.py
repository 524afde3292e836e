"""Keeps the outcome index of one partition up with the log, and its snapshot on the disk."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from hub.processors.outcome_index import OutcomeIndex

_log = logging.getLogger(__name__)

_SAVE_AFTER = 5000  # outcomes that a take-over reads again at most, about …
SAVE_EVERY = 5.0
"""… and seconds."""


class IndexKeeper:
    """For one partition during one assignment. Call `keep` now and then, at least every SAVE_EVERY seconds."""

    def __init__(
        self,
        index: OutcomeIndex,
        destination: str,
        catch_up: Callable[[], Awaitable[object]],
        clock: Callable[[], datetime],
    ) -> None:
        self._index = index
        self._extra = {"destination": destination}
        self._catch_up = catch_up
        self._clock = clock
        self._saving: asyncio.Task[None] | None = None
        self._saved = time.monotonic()

    @property
    def saving(self) -> "asyncio.Task[None] | None":
        """What writes to the disk right now; the index must not be closed meanwhile."""
        return self._saving

    async def keep(self) -> None:
        if self._index.behind:
            await self._catch_up()
        if self._saving is not None and self._saving.done():
            saving, self._saving = self._saving, None
            if error := saving.exception():
                _log.warning("outcome snapshot not saved", extra={**self._extra, "error": repr(error)})
        old = time.monotonic() - self._saved > SAVE_EVERY
        due = self._index.unsaved > (0 if old else _SAVE_AFTER)
        if due and self._saving is None and not self._index.incomplete:
            self._saved = time.monotonic()
            self._saving = asyncio.create_task(asyncio.to_thread(self._index.checkpoint(self._clock())))
