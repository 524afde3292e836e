"""One partition of a destination that a person gave up, during one assignment: every delivery gets that for its end."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from hub.log.records import MalformedRecordError, decode_delivery
from hub.processors.appending import append_all
from hub.processors.index_keeping import IndexKeeper
from hub.processors.outcome_index import OutcomeIndex
from hub.processors.partitions import Feed
from hub.processors.settlement import Settlement
from hub.processors.shared import Shared
from hub.processors.unreadable import unreadable
from hub.processors.window import Received
from schemas.delivery import DeliveryRecord
from schemas.identity import DeliveryKey
from schemas.lane import Lane
from schemas.outcome import Outcome, OutcomeState
from schemas.report import Waiting

_AT_ONCE = 500


class PartitionDiscarding:
    """Runs until it is cancelled. The destination is not asked, whether it is up or not."""

    def __init__(self, shared: Shared, feed: Feed, index: OutcomeIndex, keeper: IndexKeeper, reason: str) -> None:
        self._shared = shared
        self._feed = feed
        self._index = index
        self._keeper = keeper
        self._reason = reason
        self._settlement = Settlement(shared.name, feed.partition, index, shared.topics, shared.writer)
        self.delivered: Counter[Lane] = Counter()
        self.in_flight: Counter[Lane] = Counter()

    async def run(self) -> None:
        """Raises NewerFormatError."""
        while True:
            await self._feed.wake.wait()
            batch = self._feed.take(_AT_ONCE)
            if batch and await self._feed.begin(batch):
                await self._discard(batch)
                self._feed.ack(batch)
            await self._keeper.keep()

    def count(self) -> Mapping[Lane, int]:
        return dict.fromkeys(Lane, 0)

    def oldest(self, lane: Lane, now: datetime) -> Waiting | None:  # noqa: ARG002  (nothing waits)
        return None

    async def _discard(self, batch: Sequence[Received]) -> None:
        found: dict[DeliveryKey, Outcome] = {}
        for received in batch:
            try:
                record = decode_delivery(received.record.headers, received.record.value)
            except MalformedRecordError as error:
                letter = unreadable(received, error)
                await append_all(self._shared.writer, self._shared.topics.dead_letters, self._feed.partition, [letter])
            else:
                found.setdefault(record.key, self._outcome(record, received.offset))
        known = self._index.lookup(list(found))
        ends = [one for one, before in zip(found.values(), known, strict=True) if before is None or not before.terminal]
        await self._settlement.remember(await self._settlement.append({}, ends))

    def _outcome(self, record: DeliveryRecord, offset: int) -> Outcome:
        now = self._shared.clock()
        return Outcome(
            delivery=record.id,
            run=record.run,
            route=record.route,
            destination=record.destination,
            state=OutcomeState.DISCARDED,
            attempt=record.attempt,
            offset=offset,
            received=record.event.received,
            started=now,
            ended=now,
            error=self._reason,
            lane=record.lane,
        )
