"""What partitions read together is written together; an outage is everybody's, and nobody's end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub.ledger.entries import Stretch
from hub.ledger.store import Applied, Conflict, Store, StoreAwayError
from hub.log.topics import LEDGER_RETENTION
from hub.processors.status_transactions import SharedTransactions
from tests.fixtures.ledger import NOON, decision, dump, stretch

TOPIC = "hub.decisions"


class WatchedStore(Store):
    """Counts its transactions, and is away when told."""

    away = False
    transactions = 0

    def apply(self, stretches: Sequence[Stretch]) -> Applied:
        if self.away:
            raise StoreAwayError("nobody home")
        self.transactions += 1
        return super().apply(stretches)


class Rig:
    def __init__(self, home: Path) -> None:
        self.store = WatchedStore("sqlite:///status.db", home, "hub")
        self.told: list[Conflict] = []
        self.now = NOON
        self.shared = SharedTransactions(self.store, {TOPIC: "id"}, self.told.append, self._clock)

    def _clock(self) -> datetime:
        return self.now

    async def apply(self, partition: int, begin: int, *events: str, digest: str = "d") -> int:
        entries = [decision(event, begin, "out", digest=digest * 64) for event in events]
        return await self.shared.apply(stretch(TOPIC, partition, begin, entries))


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path)
    running = asyncio.create_task(rig.shared.run())
    yield rig
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    rig.shared.close()


async def test_partitions_share_a_transaction(rig: Rig) -> None:
    positions = await asyncio.gather(*(rig.apply(partition, 0, f"e{partition}") for partition in range(8)))
    assert positions == [1] * 8
    assert rig.store.transactions == 1


async def test_a_waiter_that_was_cancelled_holds_up_nobody(rig: Rig) -> None:
    given_up = asyncio.create_task(rig.apply(0, 0, "a"))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await rig.apply(1, 0, "b") == 1
    assert await rig.apply(0, 0, "a") == 1, "it was taken in all the same, once"


async def test_an_outage_is_told_to_everybody_who_waits_and_ends(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    rig.store.away = True
    for _ in range(2):
        answers = await asyncio.gather(rig.apply(0, 0, "a"), rig.apply(1, 0, "b"), return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreAwayError, StoreAwayError]
    rig.store.away = False
    assert await rig.apply(0, 0, "a") == 1
    said = [record.message for record in caplog.records]
    assert said == ["the status database is away; the projection is behind", "the status database is back"]


async def test_a_conflict_is_told_unless_it_is_history(rig: Rig) -> None:
    await rig.apply(0, 0, "a")
    await rig.apply(0, 1, "a", digest="e")
    assert [(one.id, one.digest[0], one.earlier[0]) for one in rig.told] == [("a", "e", "d")]
    again = stretch(TOPIC, 0, 2, [decision("a", 2, "out", digest="f" * 64)])
    assert await rig.shared.apply_quietly(again) == 3
    assert len(rig.told) == 1


async def test_what_is_too_old_goes_now_and_then(rig: Rig) -> None:
    await rig.apply(0, 0, "a")
    rig.now = NOON + LEDGER_RETENTION + timedelta(minutes=1)
    await rig.apply(0, 1)
    assert dump(rig.store)["decisions"] == []
