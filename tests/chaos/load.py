"""A sender as senders are: it signs, posts over many connections, and repeats with the same id until it is answered."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from tests.chaos.events import SOURCE, ChaosEvent

_ANSWER_TIMEOUT = 15.0  # seconds
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds between two tries


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that was answered 2xx. Times are seconds since 1970: when its first try began, when the try that
    succeeded did, and when that was answered.
    """

    event: ChaosEvent
    first: float
    began: float
    answered: float


@dataclass
class Sender:
    """Posts to the hub at ``port`` on this machine. Build it with `sender`.

    ``skew`` is how many seconds its clock is fast. ``accepted`` holds exactly what was answered 2xx, ``refused`` what
    was answered 4xx: a sender gives up then.
    """

    port: int
    connections: int
    session: aiohttp.ClientSession
    skew: float = 0.0
    accepted: list[Accepted] = field(default_factory=list)
    refused: list[tuple[ChaosEvent, int]] = field(default_factory=list)
    tries: int = 0

    async def post_all(self, events: Iterable[ChaosEvent], rate: float) -> None:
        """Post them at so many a second, or slower where the hub is; returns when each has its answer."""
        slots = asyncio.Semaphore(self.connections)
        start = time.monotonic()

        async def post(event: ChaosEvent) -> None:
            try:
                await self.post(event)
            finally:
                slots.release()

        async with asyncio.TaskGroup() as posting:
            for number, event in enumerate(events):
                await slots.acquire()
                await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
                posting.create_task(post(event))

    async def post(self, event: ChaosEvent, skew: float | None = None) -> bool:
        """Post one until it is answered 2xx (True) or 4xx (False). ``skew`` instead of the sender's own."""
        first = time.time()
        pause = _FIRST_PAUSE
        while True:
            began = time.time()
            status = await self.attempt(event, skew)
            if status is not None and status < 300:
                self.accepted.append(Accepted(event, first, began, time.time()))
                return True
            if status is not None and status < 500:
                self.refused.append((event, status))
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def attempt(self, event: ChaosEvent, skew: float | None = None) -> int | None:
        """One request; its status, None where there was no answer."""
        self.tries += 1
        url = f"http://127.0.0.1:{self.port}/in/{SOURCE}"
        headers = event.headers(self.skew if skew is None else skew)
        try:
            async with self.session.post(url, data=event.body, headers=headers) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None


@asynccontextmanager
async def sender(port: int, connections: int = 32) -> AsyncIterator[Sender]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections), timeout=aiohttp.ClientTimeout(total=_ANSWER_TIMEOUT)
    ) as session:
        yield Sender(port, connections, session)
