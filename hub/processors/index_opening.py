"""Opens and closes a partition's outcome index, whatever its disk does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from hub.processors.outcome_index import OutcomeIndex

_log = logging.getLogger(__name__)

_DISK_PAUSE = 1.0  # seconds


@asynccontextmanager
async def opened_index(path: Path, clock: Callable[[], datetime]) -> AsyncIterator[OutcomeIndex]:
    """The index in the folder ``path``, for the length of the block. While its disk is full or broken this waits:
    nothing could be delivered, since no verdict would be safe.
    """
    index = await _open(path)
    try:
        yield index
    finally:
        _close(index, path, clock)


async def _open(path: Path) -> OutcomeIndex:
    while True:
        try:
            return await asyncio.to_thread(OutcomeIndex.open, path)
        except OSError as error:
            _log.error(
                "the outcome index cannot be opened, trying again", extra={"path": str(path), "error": str(error)}
            )
        await asyncio.sleep(_DISK_PAUSE)


def _close(index: OutcomeIndex, path: Path, clock: Callable[[], datetime]) -> None:
    try:
        if index.position is not None and not index.incomplete:
            index.checkpoint(clock())()
    except OSError as error:  # whoever takes over reads a little more from the log
        _log.warning("outcome snapshot not saved", extra={"path": str(path), "error": str(error)})
    finally:
        index.close()
