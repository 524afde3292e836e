"""Enriching: gives deliveries what their events point at: from what is kept, else fetched, once for all of them."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from connectors.api import (
    BadRecordError,
    Context,
    DeliveryError,
    Enricher,
    FetchLimits,
    OutgoingHttp,
    Result,
    SourceConfig,
)
from hub.config.file_secrets import Unreadable
from hub.config.model import Configuration, SourceEntry
from hub.config.problems import ConfigurationError
from hub.delivery.policy import describe
from hub.enrichment import KeptResults, key_of
from hub.processors.calls import fetch
from schemas.event import Event
from schemas.identity import DeliveryKey

_log = logging.getLogger(__name__)

_AT_ONCE = 4
"""Results that are fetched at the same time, each in memory, and requests a sender gets from one worker."""
_PRUNE_EVERY = 6 * 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Wanted:
    """``enrichment`` is what the route says, ``source`` where the event came from, None where nobody knows it."""

    key: DeliveryKey
    event: Event
    enrichment: str
    source: SourceEntry | None


class Enriching:
    """For all destinations of a worker. Concurrent calls are fine."""

    def __init__(
        self, configuration: Configuration, home: Path, http: OutgoingHttp, clock: Callable[[], datetime]
    ) -> None:
        self._home = home
        self._folder = home / "enrichments"
        self._context: Callable[[str], Context] = lambda name: Context(
            name, home, logging.getLogger(f"source.{name}"), http, clock
        )
        self._clock = clock
        self._slots = asyncio.Semaphore(_AT_ONCE)
        # Two destinations of one event arrive together: the second waits for what the first one fetches.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.use(configuration)

    def use(self, configuration: Configuration) -> None:
        """From now on results are fetched and kept as this says. What is being fetched is kept where it began."""
        settings = configuration.enrichments
        self._in_use = settings.url is not None or any(route.enrich for route in configuration.routes)
        self._limits = FetchLimits(settings.max_result, settings.timeout)
        self._retention = settings.retention
        self._kept = KeptResults(settings.url, self._home, settings.max_inline)

    async def results(self, wanted: Iterable[Wanted]) -> Mapping[DeliveryKey, Result | BaseException | None]:
        """For each what was fetched, None where its event points at nothing, or the error its attempt ended with.
        Never raises.
        """
        async with asyncio.TaskGroup() as group:
            tasks = {one.key: group.create_task(self._result(one)) for one in wanted}
        return {key: task.result() for key, task in tasks.items()}

    async def prune(self) -> None:
        """Delete what is older than ``retention``, now and then, until cancelled; a failure is worth a line."""
        while True:
            await self._prune()
            await asyncio.sleep(_PRUNE_EVERY)

    async def _prune(self) -> None:
        if not self._in_use and not self._folder.exists():
            return
        try:
            pruned = await self._kept.prune(self._clock() - self._retention)
        except DeliveryError as error:
            _log.warning("old results not deleted", extra={"error": str(error)})
        else:
            if pruned:
                _log.info("old results deleted", extra={"results": pruned})

    async def _result(self, wanted: Wanted) -> Result | BaseException | None:
        key, kept = key_of(wanted.enrichment, wanted.event), self._kept
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        try:
            async with lock:
                return await kept.find(key) or await self._fetched(key, wanted, kept)
        except Exception as error:  # noqa: BLE001  (a source may raise anything; it is how this attempt ends)
            return error

    async def _fetched(self, key: str, wanted: Wanted, kept: KeptResults) -> Result | None:
        event = wanted.event
        async with self._slots:
            enricher = await self._enricher(wanted)
            try:
                found = await fetch(enricher, event, self._limits)
            except DeliveryError as error:
                _log.warning("result not fetched", extra={**_about(event), "error": describe(error)})
                raise
            if found is None:
                return None
            result = await kept.keep(key, found)
        _log.info("result fetched", extra={**_about(event), "bytes": result.size, "uri": result.uri})
        return result

    async def _enricher(self, wanted: Wanted) -> Enricher:
        """Made for each fetch, since its key may be in a file that has changed."""
        source, entry = wanted.event.source, wanted.source
        connector: Any = entry.connector if entry else None
        if entry is None or not issubclass(connector, Enricher) or connector.enrichment != wanted.enrichment:
            raise BadRecordError(f"the source {source!r} has no {wanted.enrichment!r}, which its route asks for")
        config = await asyncio.to_thread(_current, entry)
        enricher = connector(config, self._context(source))
        assert isinstance(enricher, Enricher)
        return enricher


def _about(event: Event) -> dict[str, str]:
    return {"source": event.source, "event": event.id, "type": event.type}


def _current(entry: SourceEntry) -> SourceConfig:
    """Its options with the secrets that its files hold now; where these cannot be used, as they were at the start."""
    secrets = entry.file_secrets
    if secrets is None:
        return entry.config
    contents: dict[Path, str] = {}
    for path in secrets.contents:
        text = secrets.read(path)
        if isinstance(text, Unreadable):
            return entry.config
        contents[path] = text
    try:
        return secrets.options(contents)
    except ConfigurationError:
        return entry.config
