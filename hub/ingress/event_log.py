"""The ingress's end of the log: appends events once the topics are known to be there and Kafka answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Protocol

from hub.ingress.refusal import unavailable
from hub.log.record import Record
from hub.log.records import encode_event, partition_for
from schemas.event import Event

_log = logging.getLogger(__name__)

_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.5, 10.0  # seconds


class Writer(Protocol):
    """What is needed of `hub.log.writer.LogWriter`."""

    @property
    def healthy(self) -> bool: ...

    def append(self, topic: str, partition: int, record: Record) -> asyncio.Future[int]: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class State(StrEnum):
    STARTING = "starting"  # the topics have not been seen yet: Kafka is away, or slow
    READY = "ready"
    UNAVAILABLE = "kafka-unavailable"
    DRAINING = "draining"  # told to stop: finishes what is in flight


class EventLog:
    """Writes to the events topic. For one event loop.

    Args:
        prepare: makes sure that the topics exist and are as configured. Called until it succeeds; what is in
            ``retried`` means that Kafka is away, anything else ends `connect`.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        topic: str,
        partitions: int,
        prepare: Callable[[], Awaitable[None]],
        retried: tuple[type[Exception], ...] = (OSError,),
    ) -> None:
        self._writer = writer
        self._topic = topic
        self._partitions = partitions
        self._prepare = prepare
        self._retried = retried
        self._prepared = False
        self._draining = False

    @property
    def state(self) -> State:
        if self._draining:
            return State.DRAINING
        if not self._prepared:
            return State.STARTING
        return State.READY if self._writer.healthy else State.UNAVAILABLE

    async def connect(self) -> None:
        """Start the writer and prepare the topics, however long Kafka is away. Run it as a task."""
        await self._writer.start()
        backoff = _FIRST_BACKOFF
        while True:
            try:
                await self._prepare()
            except self._retried as error:
                _log.warning("Kafka is not there yet", extra={"error": str(error), "retry_in": backoff})
            else:
                self._prepared = True
                _log.info("the events topic is ready", extra={"topic": self._topic, "partitions": self._partitions})
                return
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _LONGEST_BACKOFF)

    def drain(self) -> None:
        """From now on not ready; what still arrives on open connections is taken."""
        self._draining = True

    async def close(self) -> None:
        """Wait for what is in flight, within the writer's deadline."""
        await self._writer.stop()

    async def append(self, events: Sequence[Event]) -> None:
        """Returns once every event is acknowledged.

        Raises:
            RefusedError: 503 at once, where Kafka is known to be away.
            WriterFullError, RecordTooLargeError, UnencodableEventError, WriteFailedError: see `LogWriter.append`;
                where several events were given, some may be stored.
        """
        if not self._prepared or not self._writer.healthy:
            raise unavailable("log-unavailable", "events cannot be stored right now; repeat the request later")
        acknowledgements: list[asyncio.Future[int]] = []
        try:
            for event in events:
                acknowledgements.append(self._append(event))  # noqa: PERF401  (what was begun must be known if one fails)
            for acknowledgement in acknowledgements:
                await acknowledgement
        except BaseException:
            _abandon(acknowledgements)
            raise

    def _append(self, event: Event) -> asyncio.Future[int]:
        partition = partition_for(event.partition_key, self._partitions)
        return self._writer.append(self._topic, partition, encode_event(event))


def _abandon(acknowledgements: Sequence[asyncio.Future[int]]) -> None:
    """Nobody waits for them any more. An exception that is never looked at would be logged as forgotten."""
    for each in acknowledgements:
        if not each.cancel() and not each.cancelled():
            each.exception()
