"""What is worked on in one partition of a destination, as reports show it."""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from hub.delivery.pending import Entry
from hub.processors.settlement import Work
from schemas.lane import Lane
from schemas.report import Waiting


class Working(Protocol):
    """``in_flight`` and ``delivered`` count deliveries, the latter since the assignment began."""

    in_flight: Counter[Lane]
    delivered: Counter[Lane]

    async def run(self) -> None:
        """Work until cancelled."""

    def count(self) -> Mapping[Lane, int]:
        """How many deliveries are held, those in flight included."""

    def oldest(self, lane: Lane, now: datetime) -> Waiting | None:
        """The one that was received first, and why it waits, as far as the destination is not to blame."""


def waiting(entry: Entry[Work], now: datetime) -> Waiting:
    record, work = entry.work.record, entry.work
    wait = entry.due - time.monotonic()
    why = "in flight" if entry.taken else "queued"
    if entry.due and wait > 0:
        why = f"attempt {work.attempt} is due at {(now + timedelta(seconds=wait)).isoformat(timespec='seconds')}"
        if work.route.strict:
            why += f"; later events of {record.event.partition_key} wait for it (order: strict)"
    return Waiting(
        delivery=record.id,
        run=record.run,
        subject=record.event.partition_key,
        received=record.event.received,
        attempt=work.attempt,
        why=why,
    )
