"""The keys of one key server as the hub knows them.

- Keys are fetched when the source opens and again whenever the answer is no longer fresh, in the background: a request
  that a known key decides never waits.
- A request that no known key decides asks for the keys anew, all such requests together once, and no more often than
  `Allowance` lets them: garbage cannot be used to flood the key server, nor to hold up others.
- A key that is no longer in the set counts for ``overlap`` more, for what was signed before and is on its way. What is
  repeated later is signed anew, so the time a signature is accepted for is enough.
- While the key server is away, known keys go on counting, for STALE at most. Only what they cannot decide is
  answered with KeysUnavailableError (503): the sender repeats, and nothing is lost.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol, TypeVar

from connectors.api import KeysUnavailableError
from connectors.sources.key_set.allowance import Allowance
from connectors.sources.key_set.fetch import Answer, KeyServerError
from connectors.sources.key_set.keys import MOST_KEYS, KeySet, VerificationKey

FoundT = TypeVar("FoundT")

STALE = 72 * 3600.0
"""Seconds without word from the key server until its keys no longer count: a weekend, and no longer, since nobody could
take a key back meanwhile.
"""

BURST, PAUSE = 3, 10.0
"""What requests may ask for: that many fetches at once, then one every so many seconds."""

_MOST_WAITING = 100  # requests for one fetch; more would use up what the ingress takes at once
_FIRST_BACKOFF, _LONGEST_BACKOFF = 5.0, 300.0  # seconds, of the background


class KeyServer(Protocol):
    """What is needed of `KeySetEndpoint`."""

    @property
    def url(self) -> str: ...

    async def fetch(self, etag: str | None) -> Answer: ...


class KeyCache:
    """For one event loop. ``clock`` gives seconds and never goes back."""

    def __init__(
        self,
        server: KeyServer,
        *,
        overlap: timedelta,
        log: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._server = server
        self._overlap = overlap.total_seconds()
        self._log = log
        self._clock = clock
        self._sleep = sleep
        self._allowance = Allowance(BURST, PAUSE)
        self._published = KeySet()
        self._retired: dict[VerificationKey, float] = {}  # and until when it counts
        self._usable = KeySet()
        self._etag: str | None = None
        self._confirmed = 0.0
        self._lifetime = 0.0
        self._failures = 0
        self._waiting = 0
        self._fetching: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to fetch in the background. Works without, too: then the first request fetches."""
        self._refreshing = asyncio.create_task(self._refresh(), name=f"keys of {self._server.url}")

    async def close(self) -> None:
        tasks = [task for task in (self._refreshing, self._fetching) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def find(self, attempt: Callable[[KeySet], FoundT | None]) -> FoundT | None:
        """What ``attempt`` finds with the known keys, or else with newly fetched ones. It is called twice at most, must
        return None where no key decides, and what it raises is raised. None: no key that counts decides.

        Raises:
            KeysUnavailableError: no known key decides, and the keys of now cannot be had.
        """
        known = self.keys()
        found = attempt(known)
        if found is not None:
            return found
        await self._ask()
        renewed = self.keys()
        if renewed is not known:
            found = attempt(renewed)
            if found is not None:
                return found
        if self._failures or not renewed.keys:
            raise KeysUnavailableError("the keys to check this with cannot be had right now; repeat the request later")
        return None

    def keys(self) -> KeySet:
        """All that count now; the same object while they stay the same."""
        now = self._clock()
        if self._published.keys and now - self._confirmed > STALE:
            self._published, self._etag = KeySet(), None
            self._retired.clear()
            self._usable = self._published
        elif any(until <= now for until in self._retired.values()):
            self._retired = {key: until for key, until in self._retired.items() if until > now}
            self._usable = KeySet((*self._published.keys, *self._retired))
        return self._usable

    async def _ask(self) -> None:
        """Fetch, or wait for a fetch that is under way, or neither where others did a moment ago."""
        under_way = self._fetching is not None and not self._fetching.done()
        if not under_way and not self._allowance.take(self._clock()):
            return
        if self._waiting >= _MOST_WAITING:
            raise KeysUnavailableError("too many requests wait for keys to check them with; repeat the request later")
        self._waiting += 1
        try:
            await asyncio.shield(self._fetch())  # a sender that gives up must not take the others' fetch along
        finally:
            self._waiting -= 1

    async def _refresh(self) -> None:
        while True:
            await asyncio.shield(self._fetch())
            backoff = _FIRST_BACKOFF * 2.0 ** min(self._failures - 1, 10)
            await self._sleep(min(backoff, _LONGEST_BACKOFF) if self._failures else self._lifetime)

    def _fetch(self) -> asyncio.Task[None]:
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_once(), name=f"fetch {self._server.url}")
        return self._fetching

    async def _fetch_once(self) -> None:
        try:
            answer = await self._server.fetch(self._etag)
        except KeyServerError as error:
            self._failures += 1
            extra = {"url": self._server.url, "error": str(error), "known_keys": len(self.keys().keys)}
            self._log.warning("keys to verify with cannot be fetched", extra=extra)
            return
        self._failures = 0
        self._confirmed, self._lifetime, self._etag = self._clock(), answer.lifetime, answer.etag
        if answer.keys is not None and set(answer.keys.keys) != set(self._published.keys):
            self._publish(answer.keys)

    def _publish(self, keys: KeySet) -> None:
        """Take a new set over; what it lacks retires."""
        until = self._clock() + self._overlap
        gone = {key: until for key in self._published.keys if key not in keys.keys}
        kept = {key: end for key, end in self._retired.items() if key not in keys.keys}
        self._retired = dict([*gone.items(), *kept.items()][:MOST_KEYS])
        added = sorted(keys.thumbprints - self._published.thumbprints)
        self._log.info(
            "the keys to verify with have changed",
            extra={"url": self._server.url, "keys": len(keys.keys), "added": added, "retired": len(gone)},
        )
        self._published = keys
        self._usable = KeySet((*keys.keys, *self._retired))
