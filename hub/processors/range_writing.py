"""Writes one range: seal → store → dead letters → outcomes → offset, each certain before the next."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from hub.delivery.policy import Hold, describe, leave_alone
from hub.processors import calls, shutting
from hub.processors.gate import Passage
from hub.processors.gathering import Gathering
from hub.processors.outcome_index import OutcomeIndex
from hub.processors.partitions import Feed
from hub.processors.settlement import Settlement, Written
from hub.processors.shared import Shared

_log = logging.getLogger(__name__)

_AGAIN = 0.2  # seconds, while the broker is away
_OUTCOMES_AT_ONCE = 1000  # encoding more would hold up the event loop

ItemT = TypeVar("ItemT")


class RangeWriter:
    """For one partition of one destination during one assignment. One call at a time."""

    def __init__(self, shared: Shared, feed: Feed, index: OutcomeIndex) -> None:
        self._shared = shared
        self._feed = feed
        self._settlement = Settlement(shared.name, feed.partition, index, shared.topics, shared.writer)

    async def write(self, gathered: Gathering) -> bool:
        """Return when its offset is committed, and the index knows its outcomes. However long the store is away, this
        waits; False: the assignment is ending.
        """
        if not await self._seal(gathered):
            return False
        times = await self._store(gathered)
        if times is None:
            return False
        written = await self._settle(gathered, *times)
        self._feed.ack(gathered.records)
        if not await self._commit(gathered):
            return False
        for one in written:  # not before: until then, whoever takes over must not take these records for done
            await self._settlement.remember(one)
        return True

    async def _commit(self, gathered: Gathering) -> bool:
        end = gathered.records[-1].offset + 1 if gathered.records else 0  # none: the log lost what was sealed
        while not await self._feed.committed_up_to(gathered.topic, end):
            if not self._feed.current:
                return False
            await asyncio.sleep(_AGAIN)
        return True

    async def _seal(self, gathered: Gathering) -> bool:
        if gathered.sealed is not None:
            return True
        while not await self._feed.seal(gathered.topic, gathered.start, gathered.end):
            if not self._feed.current:
                return False
            await asyncio.sleep(_AGAIN)
        return True

    async def _store(self, gathered: Gathering) -> tuple[datetime, datetime] | None:
        """When the call that succeeded began and ended; None where the assignment is ending."""
        shared, gate = self._shared, self._shared.gate
        await shared.pacer.turn(len(gathered))
        while True:
            passage = await gate.enter()
            try:
                async with shared.slots:
                    if not await self._feed.begin(gathered.records):
                        return None
                    started = shared.clock()
                    with shared.connector.use():  # it made the collection: else this would be another assignment
                        error = await calls.store(gathered.collection, shared.settings.timeout)
                    ended = shared.clock()
                if error is None:
                    if gate.succeeded(passage):
                        shared.witness.came_up()
                    return started, ended
                self._feed.release(gathered.records)
                self._leave_alone(error, passage)
            finally:
                gate.left(passage)

    def _leave_alone(self, error: BaseException, passage: Passage) -> None:
        shared = self._shared
        decision = leave_alone(error, shared.gate.failures + 1, shared.settings.entry.settings.retry)
        if isinstance(decision, Hold):
            shutting.hold(shared, decision.reason)
        else:
            shutting.pause(shared, passage, decision.delay.total_seconds(), describe(error), down=decision.down)

    async def _settle(self, gathered: Gathering, started: datetime, ended: datetime) -> list[Written]:
        if letters := gathered.letters(started):
            await self._settlement.append({self._shared.topics.dead_letters: letters}, [])
        outcomes = gathered.outcomes(self._shared, started, ended)
        written = [await self._settlement.append({}, some) for some in _chunks(outcomes, _OUTCOMES_AT_ONCE)]
        for record, reason in gathered.dead:
            _log.error("dead letter", extra={"destination": self._shared.name, "delivery": record.id, "error": reason})
            self._shared.witness.died(record, reason)
        return written


def _chunks(items: Sequence[ItemT], size: int) -> list[Sequence[ItemT]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
