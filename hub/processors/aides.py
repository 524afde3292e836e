"""What works beside the router and the deliverers, whatever is configured: delay, status and reconciliation."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from hub.config.model import Configuration
from hub.ledger.store import store_at
from hub.log.admin import LogAdmin
from hub.log.news import News
from hub.processors.delay import Delay
from hub.processors.processor import Processor
from hub.processors.reconcile import Reconcile
from hub.processors.selection import Selection
from hub.processors.status import Status, make_status
from hub.processors.surroundings import Surroundings

_RENEWED_AFTER = (0.0, 5.0)  # seconds
_RENEWAL_TIMEOUT = 10.0


class Employer(Protocol):
    """Whoever begins and ends processors: `hub.processors.staff`."""

    @property
    def selection(self) -> Selection: ...
    @property
    def around(self) -> Surroundings: ...
    def is_alive(self, destination: str) -> bool: ...
    async def begin(self, processors: Collection[Processor]) -> None: ...
    async def end(self, processors: Iterable[Processor]) -> None: ...


class Aides:
    """Those whose topics or sources are others in a new revision end and begin anew."""

    def __init__(self, employer: Employer, news: News) -> None:
        self._employer = employer
        self._news = news
        self._delay: Delay | None = None
        self._status: Status | None = None
        self._reconcile: asyncio.Task[None] | None = None
        self._renewals: set[asyncio.Task[None]] = set()
        self._renewing = asyncio.Lock()
        self._closing = asyncio.Event()

    async def made(self) -> Sequence[Processor]:
        """Those that are selected, to be begun. Raises StoreUrlError."""
        selection = self._employer.selection
        if selection.route:
            self._begin_reconcile()
        if selection.delay:
            self._delay = await self._new_delay()
        if selection.status:
            self._status = await make_status(self._employer.around, self._news)
        return [one for one in (self._delay, self._status) if one is not None]

    def check(self, new: Configuration) -> None:
        """Raises StoreUrlError where status could not work with a configuration."""
        if self._status is not None:
            store_at(new.status.url, self._employer.around.home, new.topics.hub).dispose()

    def renew(self, before: Configuration, new: Configuration) -> None:
        """At some time of its own in each worker: while a group is assigned anew, Faust ends badly."""
        if self._delay is not None and before.delays != new.delays:
            self._later(self._renew_delay)
        if self._status is not None and _projected(before) != _projected(new):
            self._later(self._renew_status)
        if self._reconcile is not None and _sources(before) != _sources(new):
            self._begin_reconcile()

    async def close(self) -> None:
        """Nothing is renewed, and nobody is asked, any more. Those that were begun are for the employer to end."""
        if self._reconcile is not None:
            self._reconcile.cancel()
        self._closing.set()
        if self._renewals:
            # aiokafka forgets the connection of a client that is cancelled while it starts.
            _, hanging = await asyncio.wait(self._renewals, timeout=_RENEWAL_TIMEOUT)
            for renewal in hanging:
                renewal.cancel()
            if hanging:
                await asyncio.wait(hanging)

    def _later(self, renew: Callable[[], Awaitable[None]]) -> None:
        async def after_a_while() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(random.uniform(*_RENEWED_AFTER)):  # noqa: S311  (nothing secret)
                    await self._closing.wait()
            async with self._renewing:  # and not the turn of a switch, which must not wait for a group that ends slowly
                if not self._closing.is_set():
                    await renew()

        renewal = asyncio.create_task(after_a_while(), name=renew.__name__)
        self._renewals.add(renewal)
        renewal.add_done_callback(self._renewed)

    def _renewed(self, renewal: "asyncio.Task[None]") -> None:
        self._renewals.discard(renewal)
        if not renewal.cancelled() and (error := renewal.exception()) is not None:
            self._employer.around.failed(error)  # Faust raises anything where the broker is away

    async def _renew_delay(self) -> None:
        assert self._delay is not None, "nobody else ends it"
        await self._employer.end([self._delay])
        self._delay = await self._new_delay()
        await self._begin(self._delay)

    async def _renew_status(self) -> None:
        assert self._status is not None, "nobody else ends it"
        await self._employer.end([self._status])
        self._status = await make_status(self._employer.around, self._news)
        await self._begin(self._status)

    async def _begin(self, processor: Processor) -> None:
        try:
            await self._employer.begin([processor])
        except BaseException:
            await self._employer.end([processor])
            raise

    async def _new_delay(self) -> Delay:
        around = self._employer.around
        admin = LogAdmin(around.connection, around.configuration.layout)
        tiers, ledgers = await asyncio.to_thread(admin.tiers), await asyncio.to_thread(admin.ledgers)
        return Delay(tiers, ledgers, around, self._employer.is_alive)

    def _begin_reconcile(self) -> None:
        if self._reconcile is not None:
            self._reconcile.cancel()
        self._reconcile = asyncio.create_task(Reconcile(self._employer.around).run(), name="reconcile")


def _projected(configuration: Configuration) -> tuple[object, ...]:
    return (configuration.status, frozenset(configuration.destinations))


def _sources(configuration: Configuration) -> Mapping[str, str]:
    return {name: entry.written for name, entry in configuration.sources.items()}
