"""Reads events on behalf of any number of listeners: what is new from memory, what is older from the log."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

from hub.api.interest import Interest
from hub.log.admin_client import KafkaUnavailableError
from hub.log.cut import Range
from hub.log.live import LiveLog, LogRecord
from hub.log.position import Position
from hub.log.ranges import RangeReader
from hub.log.reader import StoredEvent
from hub.log.records import EventOutline, MalformedRecordError, decode_event

_log = logging.getLogger(__name__)

_AT_ONCE = 500  # records, before others have their turn
_PAUSE = 1.0  # seconds, while Kafka is away


class PositionLostError(Exception):
    """What comes next is no longer in the log: retention has deleted it."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a listener is, and the event that it came to; None where there is nothing for it at the moment."""

    position: Position
    event: StoredEvent | None = None


class Journal:
    """For one event loop; every method may be called concurrently."""

    def __init__(self, live: LiveLog, reader: RangeReader, incarnation: str) -> None:
        self._live = live
        self._reader = reader
        self.incarnation = incarnation

    @property
    def partitions(self) -> int:
        return len(self._live.ends)

    def now(self) -> Position:
        """Behind the newest event."""
        return Position.of(self.incarnation, self._live.ends)

    def position(self, text: str) -> Position:
        """Read one that a listener gives back. Raises PositionError."""
        return Position.parse(text, self.incarnation, self.partitions)

    async def follow(
        self, position: Position, interest: Interest, partitions: Collection[int], *, patience: float
    ) -> AsyncGenerator[Step, None]:
        """Events of these partitions from a position on, for ever; in order within each partition.

        When there is nothing, a step without an event comes at least every ``patience`` seconds. While Kafka is away,
        too.

        Raises:
            PositionLostError, NewerFormatError
        """
        only = next(iter(partitions)) if len(partitions) == 1 else None
        while True:
            before, signal = position, self._live.signal(only)
            for partition in partitions:
                records = await self._next(partition, position.offsets[partition])
                for record in records:
                    position = position.after(partition, record.offset)
                    event = decoded(record, interest)
                    if event is not None:
                        yield Step(position, event)
            if position is before:
                if self._live.failure is not None:
                    raise self._live.failure
                yield Step(position)
                with suppress(TimeoutError):
                    async with asyncio.timeout(patience):
                        await signal.wait()
            await asyncio.sleep(0)  # others have their turn

    async def _next(self, partition: int, offset: int) -> Sequence[LogRecord]:
        """The next few, if there are any."""
        if offset >= self._live.ends[partition]:
            return ()
        start = self._live.start(partition)
        if offset >= start:
            return self._live.since(partition, offset, _AT_ONCE)
        try:
            return await self.between(partition, offset, min(start, offset + _AT_ONCE))
        except KafkaUnavailableError as error:
            _log.warning("the log cannot be read at the moment", extra={"error": str(error)})
            await asyncio.sleep(_PAUSE)
            return ()

    async def between(self, partition: int, begin: int, end: int) -> Sequence[LogRecord]:
        """All records of a stretch of the log.

        Raises:
            PositionLostError, KafkaUnavailableError
        """
        stretch = Range(self._live.topic, partition, begin, begin, end, begin)
        async with aclosing(self._reader.read(stretch)) as batches:
            found = [record async for records in batches for record in records]
        if not found or found[0].offset != begin:
            raise PositionLostError("what comes next has been deleted: it is older than log.retention")
        return found


def decoded(record: LogRecord, interest: Interest) -> StoredEvent | None:
    """The event of a record, if somebody wants it; garbage is left out. Raises NewerFormatError."""
    try:
        if not interest.wants(EventOutline(record.headers, record.value)):
            return None
        return StoredEvent(record.partition, record.offset, decode_event(record.headers, record.value))
    except MalformedRecordError:
        return None
