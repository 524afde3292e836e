"""The configured sources while the ingress runs; each is made anew when the files of its secrets change, and when the
configuration does.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from connectors.api import Context
from hub.config.model import SourceEntry
from hub.config.secret_watch import Change, SecretWatch
from hub.handover import Handover, Serving
from hub.ingress.inlet import Inlet

_log = logging.getLogger(__name__)

_OPEN_TIMEOUT = 30.0  # seconds
_CLOSE_TIMEOUT = 10.0
_LAST_USE = 30.0
_LONGEST_PAUSE = 60.0


class Inlets:
    """By the name of the source. ``context`` makes what a source of that name is given; ``max_header_bytes`` bounds the
    headers stored with each event.
    """

    def __init__(
        self, entries: Mapping[str, SourceEntry], context: Callable[[str], Context], max_header_bytes: int
    ) -> None:
        self._context = context
        self._max_header_bytes = max_header_bytes
        self._inlets = {name: self._kept(entry) for name, entry in entries.items()}
        self._retiring: set[asyncio.Task[None]] = set()
        self.settled = True
        """False: there may be sources that are not known yet."""

    def find(self, name: str) -> Serving[Inlet] | None:
        """What serves now, ``with`` it for as long as a request is looked at; None: there is no such source."""
        kept = self._inlets.get(name)
        return None if kept is None else kept.use()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open all of them, and watch their secrets; close all of them in the end.

        Raises what a source raises that cannot be opened.
        """
        try:
            for kept in self._inlets.values():
                await kept.open()
            yield
        finally:
            for kept in self._inlets.values():
                await kept.close()
            if self._retiring:
                await asyncio.wait(self._retiring)

    async def change(self, entries: Mapping[str, SourceEntry]) -> None:
        """Serve these from now on. New and changed ones are opened first; who is looked at by one that goes is looked
        at to the end.

        Raises what a source raises that cannot be made or opened: then nothing has changed.
        """
        before, made = self._inlets, dict[str, _KeptInlet]()
        try:
            for name, entry in entries.items():
                if name not in before or before[name].written != entry.written:
                    made[name] = self._kept(entry)
                    await made[name].open()
        except BaseException:
            for kept in made.values():
                await kept.close()
            raise
        self._inlets = {name: made.get(name) or before[name] for name in entries}
        for name, kept in before.items():
            if self._inlets.get(name) is not kept:
                retiring = asyncio.create_task(kept.retire(), name=f"retire {name}")
                self._retiring.add(retiring)
                retiring.add_done_callback(self._retiring.discard)

    def _kept(self, entry: SourceEntry) -> "_KeptInlet":
        return _KeptInlet(entry, self._context(entry.name), self._max_header_bytes)


class _KeptInlet:
    """One source: the inlet that serves, and what replaces it."""

    def __init__(self, entry: SourceEntry, context: Context, max_header_bytes: int) -> None:
        self._entry = entry
        self.written = entry.written
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
        await self._open(self._handover.use().item)
        if self._entry.file_secrets is not None:
            watch = SecretWatch(self._entry.file_secrets, self._about)
            self._watching = asyncio.create_task(self._watch(watch), name=f"watch the secrets of {self._entry.name}")

    async def retire(self) -> None:
        """Close it after its last use."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_USE):
                await self.use().unused()
        await self.close()

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
