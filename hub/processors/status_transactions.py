"""Writes what all partitions have read in shared transactions: a commit for each would cost more than the rows."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from hub.ledger.entries import Stretch
from hub.ledger.store import Applied, Conflict, Store, StoreAwayError
from hub.log.topics import LEDGER_RETENTION

_log = logging.getLogger(__name__)

_LINGER = 0.25  # seconds in which more may join a transaction
_MOST_STRETCHES = 50
_SAY_EVERY = 60.0  # seconds
_EXPIRE_EVERY = timedelta(hours=1)


class SharedTransactions:
    """The database's driver blocks, so a thread of its own uses the store."""

    def __init__(
        self,
        store: Store,
        topic_ids: Mapping[str, str],
        on_conflict: Callable[[Conflict], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._topic_ids = {topic: each for topic, each in topic_ids.items() if each}
        self._on_conflict = on_conflict
        self._clock = clock
        self._waiting: list[tuple[Stretch, asyncio.Future[int]]] = []
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="status")
        self._opened = False
        self._say_again = 0.0  # when an outage is worth a line again (monotonic seconds); 0: there is none
        self._expired: datetime | None = None

    async def apply(self, stretch: Stretch) -> int:
        """Take a stretch in with whatever else arrives; the position of its partition then.

        Raises:
            StoreAwayError: nothing was taken in.
        """
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((stretch, answer))
        self._arrived.set()
        return await answer

    async def apply_quietly(self, stretch: Stretch) -> int:
        """As ``apply``, in a transaction of its own, and nobody is told of conflicts: it is history."""
        return (await self._written([stretch])).positions[0]

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(_LINGER)
            joined, self._waiting = self._waiting[:_MOST_STRETCHES], self._waiting[_MOST_STRETCHES:]
            if not self._waiting:
                self._arrived.clear()
            await self._write(joined)

    def close(self) -> None:
        """Nobody waits for a statement that still runs: it ends by its own timeout."""
        self._thread.submit(self._store.dispose)
        self._thread.shutdown(wait=False)

    async def _write(self, joined: Sequence[tuple[Stretch, asyncio.Future[int]]]) -> None:
        try:
            applied = await self._written([stretch for stretch, _ in joined])
        except StoreAwayError as error:
            for _, answer in joined:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), position in zip(joined, applied.positions, strict=True):
            if not answer.done():  # the assignment ended meanwhile
                answer.set_result(position)
        for conflict in applied.conflicts:
            _log.warning(
                "a source used an id again for something else: both are delivered",
                extra={"source": conflict.source, "id": conflict.id},
            )
            self._on_conflict(conflict)

    async def _written(self, stretches: Sequence[Stretch]) -> Applied:
        try:
            applied = await asyncio.get_running_loop().run_in_executor(self._thread, self._apply, stretches)
        except StoreAwayError as error:
            if time.monotonic() >= self._say_again:
                _log.warning("the status database is away; the projection is behind", extra={"error": str(error)})
                self._say_again = time.monotonic() + _SAY_EVERY
            raise
        if self._say_again:
            _log.info("the status database is back")
        self._say_again = 0.0
        return applied

    def _apply(self, stretches: Sequence[Stretch]) -> Applied:
        if not self._opened:
            self._store.open(self._topic_ids)
            self._opened = True
        applied = self._store.apply(stretches)
        now = self._clock()
        if self._expired is None or now - self._expired > _EXPIRE_EVERY:
            self._expired = now
            self._store.expire(now - LEDGER_RETENTION)
        return applied
