"""Reads stretches of topics without a consumer group: it disturbs nobody, and holds a few records at a time."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from hub.log.admin_client import KafkaUnavailableError, TopicMissingError, reached, translated
from hub.log.connection import KafkaConnection

SKEW = timedelta(minutes=1)
"""How far the clocks of those who write may be apart: their records are not quite in the order of time."""

Spans = Mapping[int, range]
"""Partition → offsets."""


class LogScanner:
    """Blocking; calls may run concurrently. Records are as kafka-python has them.

    Every method raises KafkaUnavailableError (an OSError) when Kafka does not answer for ``timeout`` seconds, and
    LogAdminError when it refuses (TopicMissingError when there is no such topic).
    """

    def __init__(self, connection: KafkaConnection, timeout: float = 15.0) -> None:
        self._connection = connection
        self._timeout = timeout

    def between(
        self, topic: str, since: datetime | None = None, until: datetime | None = None, partition: int | None = None
    ) -> Iterator[Any]:
        """The records of a time range, up to the end as it was at the beginning.

        In order within each partition only; of one ``partition``, or of all.
        """
        earliest = 0 if since is None else _milliseconds(since)
        latest = sys.maxsize if until is None else _milliseconds(until)
        with self.consumer() as consumer:
            partitions = self.assign(consumer, topic, partition)
            for record in self._read(consumer, self._spans(consumer, partitions, since, until)):
                if earliest <= record.timestamp < latest:
                    yield record

    def within(self, topic: str, spans: Spans) -> Iterator[Any]:
        """The records of some stretches, in order within each partition. What was deleted meanwhile is left out."""
        if not any(spans.values()):
            return
        with self.consumer() as consumer:
            partitions = [one for one in self.assign(consumer, topic) if spans.get(one.partition)]
            consumer.assign(partitions)
            with translated(self._connection):
                first, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
            wanted = {one: spans[one.partition] for one in partitions}
            yield from self._read(
                consumer,
                {one: range(max(span.start, first[one]), min(span.stop, end[one])) for one, span in wanted.items()},
            )

    def after(self, starts: Mapping[str, Mapping[int, int]], since: datetime | None = None) -> Iterator[Any]:
        """The records of several topics at once, up to their ends as they are at the beginning.

        ``starts``: topic → partition → the first offset to read; 0 where none is given. What was written before
        ``since`` is left out, and so are topics that do not exist.
        """
        with self.consumer() as consumer:
            with translated(self._connection):
                partitions = [
                    TopicPartition(topic, number) for topic in starts for number in consumer.partitions_for_topic(topic)
                ]
                consumer.assign(partitions)
            spans = self._spans(consumer, partitions, since, None)
            first = {one: starts[one.topic].get(one.partition, 0) for one in partitions}
            yield from self._read(consumer, {one: range(max(first[one], s.start), s.stop) for one, s in spans.items()})

    def spans(self, topic: str, since: datetime | None = None, until: datetime | None = None) -> dict[int, range]:
        """The stretches that hold the records of a time range, and a few others beside them; of every partition."""
        with self.consumer() as consumer:
            found = self._spans(consumer, self.assign(consumer, topic), since, until)
        return {one.partition: span for one, span in found.items()}

    def beginnings(self, topic: str) -> dict[int, datetime]:
        """The time of the first record, for the partitions that had earlier ones, which are deleted."""
        with self.consumer() as consumer:
            partitions = self.assign(consumer, topic)
            with translated(self._connection):
                first = consumer.beginning_offsets(partitions)
                oldest = consumer.offsets_for_times(dict.fromkeys(partitions, 0))
        return {
            one.partition: datetime.fromtimestamp(oldest[one].timestamp / 1000, UTC)
            for one in partitions
            if first[one] > 0 and oldest.get(one) is not None
        }

    @contextmanager
    def consumer(self) -> Iterator[KafkaConsumer]:
        """A connected consumer with nothing assigned."""
        milliseconds = int(self._timeout * 1000)
        with translated(self._connection):
            consumer = KafkaConsumer(
                **reached(self._connection, self._timeout).kafka_python(),
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

    def assign(self, consumer: KafkaConsumer, topic: str, partition: int | None = None) -> list[TopicPartition]:
        """Give the consumer a partition, or all."""
        with translated(self._connection):
            numbers = consumer.partitions_for_topic(topic)
            if not numbers:
                raise TopicMissingError(
                    f"there is no topic {topic} on Kafka at {self._connection.bootstrap}; `hub up` makes it"
                )
            partitions = [TopicPartition(topic, p) for p in sorted(numbers) if partition in {None, p}]
            consumer.assign(partitions)
        return partitions

    def _spans(
        self,
        consumer: KafkaConsumer,
        partitions: list[TopicPartition],
        since: datetime | None,
        until: datetime | None,
    ) -> dict[TopicPartition, range]:
        with translated(self._connection):
            start, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
            if since is not None:
                start |= _at(consumer, partitions, since, end)
            if until is not None:
                end |= _at(consumer, partitions, until + SKEW, end)
        return {one: range(start[one], end[one]) for one in partitions}

    def _read(self, consumer: KafkaConsumer, spans: Mapping[TopicPartition, range]) -> Iterator[Any]:
        left = {one: span.stop for one, span in spans.items() if span}
        with translated(self._connection):
            for one, span in spans.items():
                if span:
                    consumer.seek(one, span.start)
                else:
                    consumer.pause(one)
        answered = time.monotonic()
        while left:
            with translated(self._connection):
                batches = consumer.poll(timeout_ms=500, max_records=500)
            for one, records in batches.items():
                for record in records:
                    if record.offset < left[one]:
                        yield record
            for one in [one for one, end in left.items() if consumer.position(one) >= end]:
                consumer.pause(one)
                del left[one]
            if batches:
                answered = time.monotonic()
            elif time.monotonic() - answered > self._timeout:
                raise KafkaUnavailableError(self._connection, TimeoutError(f"no records for {self._timeout:g} s"))


def _at(
    consumer: KafkaConsumer, partitions: list[TopicPartition], moment: datetime, end: dict[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """The first offset at or after a moment; the end where there is none."""
    found = consumer.offsets_for_times(dict.fromkeys(partitions, max(_milliseconds(moment), 0)))
    return {one: end[one] if found.get(one) is None else min(found[one].offset, end[one]) for one in partitions}


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
