"""The emulator without its HTTP surface: the parts, and the loop that moves them on."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from connectors.sources.gemini.emulator.clock import Clock, Reading
from connectors.sources.gemini.emulator.deliveries import Deliveries
from connectors.sources.gemini.emulator.faults import Fault, of_attempt
from connectors.sources.gemini.emulator.files import Files
from connectors.sources.gemini.emulator.jobs import Jobs
from connectors.sources.gemini.emulator.keys import SigningKeys
from connectors.sources.gemini.emulator.records import Delivery, LastReading
from connectors.sources.gemini.emulator.sender import Sender
from connectors.sources.gemini.emulator.settings import Settings
from connectors.sources.gemini.emulator.store import Store
from connectors.sources.gemini.emulator.targets import session
from connectors.sources.gemini.emulator.webhooks import Webhooks

_log = logging.getLogger(__name__)
_IN_FLIGHT = 50
"""Attempts at once; so many slow receivers hold up the others."""
_LONGEST_WAIT = 60.0  # seconds: a wall clock that was set back is noticed


class Emulator:
    """Open until `close`. Methods of its parts are called in one event loop; `run` works in the background, and
    whoever changes what is due calls `wake`.
    """

    def __init__(
        self, home: Path, settings: Settings, *, speed: float = 1.0, wall: Callable[[], float] = time.time
    ) -> None:
        """Raises StoreError."""
        self.settings = settings
        self.store = Store(home)
        last = self.store.get(LastReading, "last")
        reading = Reading(last.emulated, last.wall, last.speed) if last else None
        self.clock = Clock(speed, wall=wall, last=reading)
        self._keep_time()
        self.files = Files(self.store, self.clock)
        self.webhooks = Webhooks(self.store, self.clock)
        self.keys = SigningKeys(self.store, self.clock, settings.signature)
        self.deliveries = Deliveries(self.store, self.clock, self.webhooks, settings)
        self.jobs = Jobs(self.store, self.clock, self.files, settings, self.deliveries.announce)
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._progress = asyncio.Event()

    def close(self) -> None:
        self.store.close()

    def wake(self) -> None:
        """Something may have become due."""
        self._changed.set()

    async def run(self) -> None:
        """End jobs and send webhooks when they are due, until cancelled; attempts in flight are cut off, and made again
        after the next start.
        """
        async with (
            session(timeout=self.settings.timeout, public=self.settings.allow_public_targets) as http,
            asyncio.TaskGroup() as tasks,
        ):
            sender = Sender(http, self.clock, self.webhooks, self.keys, self.settings)
            while True:
                self._changed.clear()
                looked = self.clock.now()
                self._begin_due(sender, tasks)
                self._progress.set()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._until_next(looked)):
                        await self._changed.wait()

    async def settle(self) -> None:
        """Wait until nothing is due or in flight. `run` must be running."""
        self.wake()
        while self._changed.is_set() or self._in_flight:
            self._progress.clear()
            await self._progress.wait()

    def advance(self, seconds: float) -> None:
        """Skip emulated time; what becomes due by it is done."""
        self.clock.advance(seconds)
        self._keep_time()
        self.wake()

    def set_faults(self, faults: Mapping[Fault, float]) -> None:
        """For what happens from now on."""
        self.deliveries.faults = dict(faults)

    def _begin_due(self, sender: Sender, tasks: asyncio.TaskGroup) -> None:
        with self.store.transaction():
            self.jobs.end_due()
            self.files.erase_expired()
        for delivery in self.deliveries.due(_IN_FLIGHT):  # what is in flight is due, too
            if len(self._in_flight) < _IN_FLIGHT and delivery.number not in self._in_flight:
                self._in_flight[delivery.number] = tasks.create_task(self._attempt(sender, delivery))

    async def _attempt(self, sender: Sender, delivery: Delivery) -> None:
        try:
            number = len(delivery.attempts) + 1
            fault = of_attempt(self.deliveries.faults, self.settings.seed, delivery.number, number)
            answer = await sender.attempt(delivery, fault)
            settled = self.deliveries.settle(delivery, answer.attempt, answer.retry_after)
            _log.info(
                "attempted a delivery",
                extra={
                    "event_type": delivery.event_type,
                    "job": delivery.job,
                    "uri": delivery.uri,
                    "attempt": number,
                    "status": answer.attempt.status,
                    "error": answer.attempt.error,
                    "fault": fault,
                    "state": settled.state.value,
                },
            )
        finally:
            del self._in_flight[delivery.number]
            self.wake()

    def _until_next(self, looked: float) -> float:
        """Real seconds until something is due that was not when somebody ``looked``; what became due since then is
        due now.
        """
        due = self.store.next_due(looked)
        if due is None:
            return _LONGEST_WAIT
        return min(_LONGEST_WAIT, max(0.0, (due - self.clock.now()) / self.clock.speed))

    def _keep_time(self) -> None:
        reading = self.clock.reading()
        self.store.put(LastReading(emulated=reading.emulated, wall=reading.wall, speed=reading.speed))
