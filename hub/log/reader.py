"""Reads the log for people: events of a time range, one event and what became of it, the newest as they come."""

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from hub.log.admin_client import KafkaUnavailableError, TopicMissingError, check_reachable, translated
from hub.log.connection import KafkaConnection
from hub.log.records import (
    MalformedRecordError,
    decode_decision,
    decode_event,
    decode_outcome,
    event_identity,
)
from hub.log.topics import Topics
from schemas.decision import Decision
from schemas.event import Event
from schemas.outcome import Outcome

log = logging.getLogger(__name__)

SKEW = timedelta(minutes=1)
"""How far the clocks of those who write may be apart: their records are not quite in the order of time."""

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
        self._timeout = timeout

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

    def decision_of(self, stored: StoredEvent) -> Decision | None:
        """The last decision for the event's offset; None if there is none yet."""
        last = None
        mark = b'"offset":%d,' % stored.offset  # parse only what may be it
        for record in self.scan(self._topics.decisions, stored.event.received - SKEW, partition=stored.partition):
            if record.value is not None and mark in record.value:
                decision = _decoded(record, lambda one: decode_decision(one.value))
                if decision is not None and decision.offset == stored.offset:
                    last = decision
        return last

    def outcomes_of(self, stored: StoredEvent, decision: Decision) -> list[Outcome]:
        """Every outcome of every delivery the decision caused, per destination in the order of the log."""
        found = []
        since = stored.event.received - SKEW
        for destination in dict.fromkeys(one.destination for one in decision.deliveries):
            keys = {one.delivery.encode() for one in decision.deliveries if one.destination == destination}
            with suppress(TopicMissingError):  # the destination was removed, and its topics after it
                for record in self.scan(self._topics.outcomes(destination), since, partition=stored.partition):
                    outcome = _decoded(record, lambda one: decode_outcome(one.value)) if record.key in keys else None
                    if outcome is not None:
                        found.append(outcome)
        return found

    def follow(self) -> Generator[StoredEvent, None, None]:
        """Events from now on, as they come; never ends.

        "Now" is when this is called, not when iteration begins. Close it when done.
        """
        with ExitStack() as stack:
            consumer = stack.enter_context(self._consumer())
            partitions = self._assign(consumer, self._topics.events)
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
        """The records of a time range as kafka-python has them, up to the end as it was at the beginning.

        In order within each partition only; of one ``partition``, or of all.
        """
        earliest = 0 if since is None else _milliseconds(since)
        latest = sys.maxsize if until is None else _milliseconds(until)
        with self._consumer() as consumer:
            left = self._range(consumer, topic, since, until, partition)
            answered = time.monotonic()
            while left:
                with translated(self._connection):
                    batches = consumer.poll(timeout_ms=500, max_records=500)
                for one, records in batches.items():
                    for record in records:
                        if record.offset < left[one] and earliest <= record.timestamp < (
                            latest or record.timestamp + 1
                        ):
                            yield record
                answered = self._progress(consumer, left, answered, moved=bool(batches))

    def _range(
        self,
        consumer: KafkaConsumer,
        topic: str,
        since: datetime | None,
        until: datetime | None,
        partition: int | None,
    ) -> dict[TopicPartition, int]:
        """Seek to the first records; returns where to stop, for the partitions that have anything to read."""
        partitions = self._assign(consumer, topic, partition)
        with translated(self._connection):
            start, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
            if since is not None:
                start |= _at(consumer, partitions, since, end)
            if until is not None:
                end |= _at(consumer, partitions, until + SKEW, end)
            for one in partitions:
                if start[one] < end[one]:
                    consumer.seek(one, start[one])
                else:
                    consumer.pause(one)
        return {one: end[one] for one in partitions if start[one] < end[one]}

    def _progress(
        self, consumer: KafkaConsumer, left: dict[TopicPartition, int], answered: float, *, moved: bool
    ) -> float:
        for one in [one for one, end in left.items() if consumer.position(one) >= end]:
            consumer.pause(one)
            del left[one]
        if moved:
            return time.monotonic()
        if time.monotonic() - answered > self._timeout:
            raise KafkaUnavailableError(self._connection, TimeoutError(f"no records for {self._timeout:g} s"))
        return answered

    def _assign(self, consumer: KafkaConsumer, topic: str, partition: int | None = None) -> list[TopicPartition]:
        with translated(self._connection):
            numbers = consumer.partitions_for_topic(topic)
            if not numbers:
                raise TopicMissingError(
                    f"there is no topic {topic} on Kafka at {self._connection.bootstrap}; `hub up` makes it"
                )
            partitions = [TopicPartition(topic, p) for p in sorted(numbers) if partition in {None, p}]
            consumer.assign(partitions)
        return partitions

    @contextmanager
    def _consumer(self) -> Iterator[KafkaConsumer]:
        milliseconds = int(self._timeout * 1000)
        with translated(self._connection):
            check_reachable(self._connection, self._timeout)
            consumer = KafkaConsumer(
                **self._connection.kafka_python(),
                group_id=None,
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                fetch_max_bytes=16_000_000,
                bootstrap_timeout_ms=milliseconds,
                request_timeout_ms=milliseconds,
            )
        try:
            yield consumer
        finally:
            with suppress(KafkaError, OSError):
                consumer.close()


def _at(
    consumer: KafkaConsumer, partitions: list[TopicPartition], moment: datetime, end: dict[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """The first offset at or after a moment; the end where there is none."""
    found = consumer.offsets_for_times(dict.fromkeys(partitions, max(_milliseconds(moment), 0)))
    return {one: end[one] if found.get(one) is None else min(found[one].offset, end[one]) for one in partitions}


def _decoded(record: Any, decode: Callable[[Any], Any]) -> Any:
    try:
        return decode(record)
    except MalformedRecordError as error:
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        log.warning("skipped a record: %s", error, extra=place)
        return None


def _stored_event(record: Any) -> StoredEvent:
    return StoredEvent(record.partition, record.offset, decode_event(record.headers, record.value))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
