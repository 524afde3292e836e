"""Reads the log for people: events of a time range, one event, the newest as they come."""

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from kafka import KafkaConsumer

from hub.log.admin_client import translated
from hub.log.connection import KafkaConnection
from hub.log.records import (
    MalformedRecordError,
    decode_event,
    event_identity,
)
from hub.log.scanner import SKEW, LogScanner
from hub.log.topics import Topics
from schemas.event import Event

log = logging.getLogger(__name__)

MOST_FOUND = 100

_LOOK_BACK = (timedelta(hours=1), timedelta(days=1), None)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event and where it is in ``hub.events``."""

    partition: int
    offset: int
    event: Event


class LogReader:
    """Blocking, without a consumer group: it disturbs nobody. Calls may run concurrently; memory is bounded.

    Every method raises KafkaUnavailableError (an OSError) when Kafka does not answer for ``timeout`` seconds,
    LogAdminError when it refuses (TopicMissingError when there is no such topic), and NewerFormatError. Records that
    are no hub's are skipped with a warning.
    """

    def __init__(self, connection: KafkaConnection, topics: Topics, timeout: float = 15.0) -> None:
        self._connection = connection
        self._topics = topics
        self._scanner = LogScanner(connection, timeout)

    def events(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[StoredEvent]:
        """Events received in [since, until), up to the end as it is now; in order within each partition only."""
        for record in self.scan(self._topics.events, since, until):
            stored = _decoded(record, _stored_event)
            if stored is not None:
                yield stored

    def find(self, event_id: str, source: str | None = None) -> list[StoredEvent]:
        """The events with that id, of that source or of any; several if the topic repeats it, the last MOST_FOUND.

        Looks at the last hour first, then at the last day, then at everything before.
        """
        until = datetime.now(UTC) + SKEW
        for back in _LOOK_BACK:
            since = None if back is None else until - back
            found = deque[StoredEvent](maxlen=MOST_FOUND)
            for record in self.scan(self._topics.events, since, until):
                identity = _decoded(record, lambda one: event_identity(one.headers))
                if identity is None or identity[1] != event_id or source not in {None, identity[0]}:
                    continue
                stored = _decoded(record, _stored_event)
                if stored is not None:
                    found.append(stored)
            if found or since is None:
                return list(found)
            until = since
        return []

    def follow(self) -> Generator[StoredEvent, None, None]:
        """Events from now on, as they come; never ends.

        "Now" is when this is called, not when iteration begins. Close it when done.
        """
        with ExitStack() as stack:
            consumer = stack.enter_context(self._scanner.consumer())
            partitions = self._scanner.assign(consumer, self._topics.events)
            with translated(self._connection):
                for partition, end in consumer.end_offsets(partitions).items():
                    consumer.seek(partition, end)
            return self._followed(consumer, stack.pop_all())

    def _followed(self, consumer: KafkaConsumer, stack: ExitStack) -> Generator[StoredEvent, None, None]:
        with stack:
            while True:
                with translated(self._connection):
                    batches = consumer.poll(timeout_ms=500, max_records=500)
                for record in chain.from_iterable(batches.values()):
                    stored = _decoded(record, _stored_event)
                    if stored is not None:
                        yield stored

    def scan(
        self, topic: str, since: datetime | None = None, until: datetime | None = None, partition: int | None = None
    ) -> Iterator[Any]:
        """The records of a time range, see `LogScanner.between`."""
        return self._scanner.between(topic, since, until, partition)


def _decoded(record: Any, decode: Callable[[Any], Any]) -> Any:
    try:
        return decode(record)
    except MalformedRecordError as error:
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        log.warning("skipped a record: %s", error, extra=place)
        return None


def _stored_event(record: Any) -> StoredEvent:
    return StoredEvent(record.partition, record.offset, decode_event(record.headers, record.value))
