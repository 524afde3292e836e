import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.delivery.pending import Entry
from hub.log.record import Record
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from hub.processors import settlement
from hub.processors.outcome_index import OutcomeIndex
from hub.processors.settlement import Attempt, Settlement, Work
from schemas.delivery import DeliveryRecord
from schemas.event import Event
from schemas.identity import DeliveryId
from schemas.outcome import Outcome

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Writer(LogWriter):
    def __init__(self) -> None:
        self.written: list[tuple[str, int]] = []

    async def append_all(self, topic: str, partition: int, records: Sequence[Record]) -> list[int]:
        self.written.append((topic, len(records)))
        return list(range(len(records)))


def attempt() -> Attempt:
    event = Event("test", "1", "thing", NOON, "0" * 64, b"{}")
    record = DeliveryRecord(event, DeliveryId("test/1~000000000000:route:out"), "route", "out", "rev")
    received: Any = None
    route: Any = None
    return Attempt(Entry(record.key, "1", 0, 1, Work(received, record, route, 1, None)), NOON, NOON, None, None)


async def test_while_the_disk_of_the_index_is_full_outcomes_wait_and_nothing_crashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "_DISK_PAUSE", 0.0)
    index = OutcomeIndex.open(tmp_path)
    index.begin_at(0)
    learn, full = index.learn, True

    def learn_if_there_is_room(outcomes: Sequence[Outcome]) -> None:
        if full:
            raise OSError(28, "No space left on device")
        learn(outcomes)

    monkeypatch.setattr(index, "learn", learn_if_there_is_room)
    writer = Writer()
    one = attempt()
    writing = asyncio.create_task(Settlement("out", 0, index, Topics("hub"), writer).write([one]))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not writing.done()
    assert index.lookup([one.entry.key]) == [None]
    full = False
    await writing
    assert [known and known.terminal for known in index.lookup([one.entry.key])] == [True]
    assert writer.written == [("hub.outcomes.out", 1)]
    index.close()
