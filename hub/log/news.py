"""Writes the hub's own news into ``hub.events``: beside the work, never in its way."""

import asyncio
import hashlib
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from typing import Protocol

import orjson

from hub.log.news_pace import EVERY, NewsPace
from hub.log.record import FORMAT, Record
from hub.log.records import encode_event, partition_for
from hub.log.topics import Topics
from hub.log.writer import RecordTooLargeError, WriteFailedError
from schemas.attributes import ERROR_BUDGET, truncate_text
from schemas.event import Event
from schemas.identity import DeliveryId
from schemas.news import HUB_SOURCE, Happening, NewsItem, NewsType

_log = logging.getLogger(__name__)

_PAUSES = (1.0, 5.0, 15.0)  # seconds before a failed write is tried again
_MOST_UNWRITTEN = 1000
_CLOSE_SECONDS = 5.0
_ID_BUDGET = 20_000  # bytes; the id of a delivery may be that long
_FIELDS = tuple(field.name for field in fields(NewsItem))


class Appender(Protocol):
    """What is needed of `hub.log.writer.LogWriter`."""

    async def append_all(self, topic: str, partition: int, records: Sequence[Record]) -> list[int]: ...


class News:
    """For one event loop, from ``start`` to ``close``; close it before the writer.

    ``every`` is the time in seconds within which one type of news of one destination is written once at most.
    ``pauses`` are those before a failed write is repeated; after the last one the news is logged and given up.
    """

    def __init__(
        self,
        writer: Appender,
        topics: Topics,
        partitions: int,
        clock: Callable[[], datetime],
        *,
        every: float = EVERY,
        pauses: Sequence[float] = _PAUSES,
    ) -> None:
        self._writer = writer
        self._topic = topics.events
        self._partitions = partitions
        self._clock = clock
        self._pauses = pauses
        self._pace = NewsPace(every)
        self._unwritten: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="news")

    def tell(
        self,
        kind: NewsType,
        destination: str | None,
        *,
        source: str | None,
        route: str | None = None,
        delivery: DeliveryId | None = None,
        event: str | None = None,
        error: str | None = None,
        count: int = 1,
    ) -> None:
        """Something happened. Call it each time: it returns at once, never raises, and decides what becomes an event.

        - ``destination.down`` becomes one when it was not down before, ``destination.up`` when it was.
        - ``source`` is the source of the event whose delivery it happened to, None where there is none. What happened
          to the hub's own events tells nothing.
        - ``count`` is how often it happened, where the caller counted; the rest is the example, see `Happening`.
        """
        happening = Happening(
            at=self._clock(),
            route=route,
            delivery=None if delivery is None else DeliveryId(truncate_text(delivery, _ID_BUDGET)),
            event=None if event is None else truncate_text(event, _ID_BUDGET),
            error=None if error is None else truncate_text(error, ERROR_BUDGET),
        )
        try:
            items = self._pace.add(kind, destination, happening, source=source, now=time.monotonic(), count=count)
        except OverflowError as refused:
            _log.warning("news not kept", extra={"news": kind, "destination": destination, "error": str(refused)})
            return
        self._put(items)
        self._wake.set()

    async def close(self, seconds: float = _CLOSE_SECONDS) -> None:
        """Write what was counted, and end after so many seconds at the latest; what is unwritten then is logged."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)
            self._task.cancel()
            await asyncio.wait({self._task})
        self._put(self._pace.rest(time.monotonic()))  # a write that failed again and again held it up
        for event in self._unwritten:
            _give_up(event, "the hub stops")
        self._unwritten.clear()

    async def _run(self) -> None:
        while True:
            closing = self._closing
            now = time.monotonic()
            self._put(self._pace.rest(now) if closing else self._pace.due(now))
            while self._unwritten:
                await self._write(self._unwritten[0])
                self._unwritten.popleft()
            if closing:
                return
            await self._sleep()

    async def _sleep(self) -> None:
        """Until there is something new, or the time has come for what was counted."""
        due = self._pace.next_due()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(due - time.monotonic(), 0.0)):
                await self._wake.wait()
        self._wake.clear()

    def _put(self, items: Iterable[NewsItem]) -> None:
        self._unwritten.extend(news_event(item, str(uuid.uuid4()), self._clock()) for item in items)
        while len(self._unwritten) > _MOST_UNWRITTEN:
            _give_up(self._unwritten.pop(), f"{_MOST_UNWRITTEN} others wait to be written")

    async def _write(self, event: Event) -> None:
        partition = partition_for(event.partition_key, self._partitions)
        for pause in (*self._pauses, None):
            try:
                await self._writer.append_all(self._topic, partition, [encode_event(event)])
            except WriteFailedError as error:
                if pause is None:
                    _give_up(event, str(error))
                else:
                    await asyncio.sleep(pause)
            except RecordTooLargeError as error:
                _give_up(event, str(error))
                return
            else:
                return


def news_event(item: NewsItem, event_id: str, now: datetime) -> Event:
    """The event of ``hub.events`` that a piece of news becomes. Its subject is the destination, so that news of one
    destination stay in order.
    """
    document = {"format": FORMAT, **{name: getattr(item, name) for name in _FIELDS}}
    body = orjson.dumps(document, option=orjson.OPT_UTC_Z)
    metadata = {"count": item.count, "severity": item.severity}
    return Event(
        source=HUB_SOURCE,
        id=event_id,
        type=item.type,
        received=now,
        digest=hashlib.sha256(body).hexdigest(),
        body=body,
        subject=item.destination,
        time=now,
        content_type="application/json",
        metadata=metadata if item.destination is None else {"destination": item.destination, **metadata},
        verified={"scheme": HUB_SOURCE},
    )


def _give_up(event: Event, why: str) -> None:
    _log.error("news not written", extra={"news": event.body.decode(), "error": why})
