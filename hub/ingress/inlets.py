"""The configured sources while the ingress runs; each is made anew when the files of its secrets change."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from connectors.api import Context
from hub.config.model import SourceEntry
from hub.config.secret_watch import Change, SecretWatch
from hub.handover import Handover, Serving
from hub.ingress.inlet import Inlet

_log = logging.getLogger(__name__)

_OPEN_TIMEOUT = 30.0  # seconds
_CLOSE_TIMEOUT = 10.0
_LONGEST_PAUSE = 60.0


class Inlets:
    """By the name of the source. ``context`` makes what a source of that name is given; ``max_header_bytes`` bounds the
    headers stored with each event.
    """

    def __init__(
        self, entries: Mapping[str, SourceEntry], context: Callable[[str], Context], max_header_bytes: int
    ) -> None:
        self._inlets = {name: _KeptInlet(entry, context(name), max_header_bytes) for name, entry in entries.items()}

    def find(self, name: str) -> Serving[Inlet] | None:
        """What serves now, ``with`` it for as long as a request is looked at; None: there is no such source."""
        kept = self._inlets.get(name)
        return None if kept is None else kept.use()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open all of them, and watch their secrets; close all of them in the end.

        Raises what a source raises that cannot be opened.
        """
        async with AsyncExitStack() as stack:
            for kept in self._inlets.values():
                stack.push_async_callback(kept.close)
                await kept.open()
            yield


class _KeptInlet:
    """One source: the inlet that serves, and what replaces it."""

    def __init__(self, entry: SourceEntry, context: Context, max_header_bytes: int) -> None:
        self._entry = entry
        self._about = {"source": entry.name}
        self._watching: asyncio.Task[None] | None = None
        self._handover: Handover[Change[Any], Inlet] = Handover(
            lambda change: Inlet(entry.name, entry.connector(change.config, context), max_header_bytes),
            self._open,
            self._close,
            failed=self._failed,
            taken_over=self._changed,
        )
        self._handover.begin(Inlet(entry.name, entry.connector(entry.config, context), max_header_bytes))
        self.use = self._handover.use

    async def open(self) -> None:
        await self._handover.use().item.source.open()
        if self._entry.file_secrets is not None:
            watch = SecretWatch(self._entry.file_secrets, self._about)
            self._watching = asyncio.create_task(self._watch(watch), name=f"watch the secrets of {self._entry.name}")

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching}, timeout=_CLOSE_TIMEOUT)
        await self._handover.close(_CLOSE_TIMEOUT)

    async def _watch(self, watch: SecretWatch[Any]) -> None:
        while True:
            self._handover.replace(await watch.changed())

    async def _open(self, inlet: Inlet) -> None:
        async with asyncio.timeout(_OPEN_TIMEOUT):
            await inlet.source.open()

    async def _close(self, inlet: Inlet) -> None:
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await inlet.source.close()
        except Exception as error:  # noqa: BLE001  (a plugin may raise anything; the others must be closed)
            _log.warning("source cannot be closed", extra={**self._about, "error": repr(error)})

    def _changed(self, change: Change[Any]) -> None:
        _log.info("secret changed, the new one is in use", extra={**self._about, "file": str(change)})

    def _failed(self, error: Exception, failures: int) -> float:
        pause = min(2.0 ** min(failures - 1, 10), _LONGEST_PAUSE)
        _log.error(
            "source cannot be opened with its new secret, the old one stays in use",
            extra={**self._about, "error": repr(error), "again_in": pause},
        )
        return pause
