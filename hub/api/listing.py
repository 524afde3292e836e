"""The newest events of a time range: backwards through the log, so that the answer costs what it holds."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.api.interest import Interest
from hub.api.journal import Journal, PositionLostError, decoded
from hub.log.reader import StoredEvent

_STRIDE = 1000  # records of a partition at a time
MOST_LOOKED_AT = 200_000


@dataclass(frozen=True, slots=True)
class Listing:
    """Oldest first. Not ``complete``: older ones may match, nobody looked."""

    events: Sequence[StoredEvent]
    complete: bool


async def newest(
    journal: Journal,
    starts: Mapping[int, int],
    ends: Mapping[int, int],
    interest: Interest,
    since: datetime,
    until: datetime | None,
    limit: int,
) -> Listing:
    """The last ``limit`` events between two offsets of each partition (by its number) and between two times.

    Raises:
        KafkaUnavailableError, NewerFormatError
    """
    found: dict[int, list[StoredEvent]] = {partition: [] for partition in starts}
    left = {partition: ends[partition] for partition, start in starts.items() if ends[partition] > start}
    looked_at = 0
    while left and looked_at < MOST_LOOKED_AT:
        for partition in list(left):
            end = left[partition]
            begin = max(starts[partition], end - _STRIDE)
            try:
                records = await journal.between(partition, begin, end)
            except PositionLostError:  # deleted meanwhile, and everything before it
                del left[partition]
                continue
            looked_at += len(records)
            events = [one for record in records if (one := decoded(record, interest)) is not None]
            found[partition] = [*(one for one in events if _within(one, since, until)), *found[partition]][-limit:]
            left[partition] = begin
            if begin == starts[partition] or len(found[partition]) == limit:
                del left[partition]
    events = heapq.nlargest(limit, (one for each in found.values() for one in each), key=_received)
    return Listing(events[::-1], complete=not left)


def _within(one: StoredEvent, since: datetime, until: datetime | None) -> bool:
    return one.event.received >= since and (until is None or one.event.received < until)


def _received(one: StoredEvent) -> tuple[datetime, int, int]:
    return one.event.received, one.partition, one.offset
