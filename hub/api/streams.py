"""Events as they come, as server-sent events (HTML Living Standard, section 9.2).

Each event's ``id`` is a position: who sends it back as ``Last-Event-ID`` goes on exactly there. A position without an
event comes now and then, so that connections stay open and a listener that hears nothing loses no ground.
"""

import logging
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing

from starlette.responses import StreamingResponse

from hub.api.answers import ApiError, event_json
from hub.api.interest import Interest
from hub.api.journal import Journal, PositionLostError
from hub.log.position import Position
from hub.log.records import NewerFormatError

_log = logging.getLogger(__name__)

KEEP_ALIVE = 15.0
"""Seconds after which a position is sent when there are no events."""

_RETRY = 1000  # milliseconds until a browser connects again


class Streams:
    """Counts them, and ends them when the service ends."""

    def __init__(self, most: int, keep_alive: float = KEEP_ALIVE) -> None:
        self._most = most
        self._keep_alive = keep_alive
        self._open = 0
        self.ending = False

    def answer(
        self, journal: Journal, position: Position, interest: Interest, partitions: Collection[int]
    ) -> StreamingResponse:
        """Raises ApiError: 503, there are too many, or the service ends."""
        if self.ending or self._open >= self._most:
            raise ApiError(503, "busy", f"{self._open:,} streams are open; try again later", {"retry-after": "5"})
        content = self._content(journal, position, interest, partitions)
        return StreamingResponse(
            content,
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def _content(
        self, journal: Journal, position: Position, interest: Interest, partitions: Collection[int]
    ) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            yield b"retry: %d\nid: %s\n\n" % (_RETRY, str(position).encode())
            steps = journal.follow(position, interest, partitions, patience=self._keep_alive)
            async with aclosing(steps):
                async for step in steps:
                    if self.ending:
                        return
                    where = b"id: %s\n" % str(step.position).encode()
                    yield where + (b"\n" if step.event is None else b"data: %s\n\n" % event_json(step.event))
        except (PositionLostError, NewerFormatError) as error:  # the next request with that position is told why
            _log.warning("a stream ends", extra={"why": str(error)})
        finally:
            self._open -= 1
