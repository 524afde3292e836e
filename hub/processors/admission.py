"""From records to deliveries that are to be made: what can be read, and has no end yet."""

import logging
from collections.abc import Sequence

from hub.delivery.pending import Entry
from hub.delivery.verdict import Deliver, Position, judge
from hub.log.records import MalformedRecordError, decode_delivery
from hub.processors.appending import append_all
from hub.processors.outcome_index import OutcomeIndex
from hub.processors.partitions import Feed
from hub.processors.settlement import Work
from hub.processors.shared import Shared
from hub.processors.unreadable import unreadable
from hub.processors.window import Received
from schemas.delivery import DeliveryRecord

_log = logging.getLogger(__name__)


class Admission:
    """For one partition of one destination during one assignment."""

    def __init__(self, shared: Shared, feed: Feed, index: OutcomeIndex) -> None:
        self._shared = shared
        self._feed = feed
        self._index = index
        self._is_batch = shared.settings.entry.takes_batches

    async def admit(self, received: Sequence[Received]) -> list[Entry[Work]]:
        """The deliveries to make; the other records are done with.

        Raises:
            NewerFormatError: a newer hub wrote one; nothing here can go on then.
        """
        readable: list[tuple[Received, DeliveryRecord]] = []
        for one in received:
            try:
                readable.append((one, decode_delivery(one.record.headers, one.record.value)))
            except MalformedRecordError as error:
                await self._bury_unreadable(one, error)
        await self._shared.settings.know([record for _, record in readable])
        known = self._index.lookup([record.key for _, record in readable])
        entries: list[Entry[Work]] = []
        duplicates: list[Received] = []
        for (one, record), before in zip(readable, known, strict=True):
            verdict = judge(record.attempt, record.first_attempt, Position(record.lane, one.offset), before)
            if isinstance(verdict, Deliver):
                entries.append(self._entry(one, record, verdict))
            else:
                duplicates.append(one)
        if duplicates:
            _log.info("duplicates skipped", extra={"destination": self._shared.name, "records": len(duplicates)})
            self._feed.ack(duplicates)
        return entries

    def _entry(self, received: Received, record: DeliveryRecord, verdict: Deliver) -> Entry[Work]:
        route = self._shared.settings.of_route(record)
        work = Work(received, record, route, verdict.attempt, verdict.first_attempt, self._shared.gate.paused)
        return Entry(
            record.key,
            f"{record.event.source} {record.event.partition_key}",
            received.offset,
            received.size,
            work,
            record.lane,
            alone=self._is_batch and verdict.attempt > 1,
        )

    async def _bury_unreadable(self, received: Received, error: MalformedRecordError) -> None:
        """Nobody knows what it was, so there is no outcome; it must not stop the line."""
        if not await self._feed.begin([received]):
            return
        letter = unreadable(received, error)
        await append_all(self._shared.writer, self._shared.topics.dead_letters, self._feed.partition, [letter])
        self._feed.ack([received])
