"""One destination's connector in this process: opened in the background, made anew when the files of its secrets
change, closed on stop, whatever it does.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from connectors.api import Context, Destination
from hub.config.model import DestinationEntry
from hub.config.secret_watch import Change, SecretWatch
from hub.delivery.policy import backoff, describe
from hub.handover import Handover, Serving
from hub.processors.calls import bounded

_log = logging.getLogger(__name__)

_CLOSE_TIMEOUT = 10.0  # seconds


class Connector:
    """``use`` it once ``ready`` has returned. A destination that cannot be opened is tried again with the backoff of
    its retry settings; the others, and the instance before it, run meanwhile. ``taken_over`` is called when a new
    instance takes the place of one that was in use. One that never ``opens`` is there to be asked what it is.
    """

    def __init__(
        self,
        entry: DestinationEntry,
        context: Context,
        taken_over: Callable[[], None] = lambda: None,
        *,
        opens: bool = True,
    ) -> None:
        self._entry = entry
        self._taken_over = taken_over
        self._opens = opens
        self._about = {"destination": entry.name}
        self.problem: str | None = None
        """Why it could not be opened, the last time that was tried."""
        self._handover: Handover[Change[Any], Destination[Any, Any]] = Handover(
            lambda change: entry.connector(change.config, context),
            lambda destination: bounded(destination.open(), entry.settings.timeout.total_seconds()),
            self._close,
            failed=self._failed,
            taken_over=self._changed,
        )
        self._tried = asyncio.Event()
        if opens:
            self._handover.replace(Change(entry.config, ()))
        self._watching = asyncio.create_task(self._watch(), name=f"watch the secrets of {entry.name}")

    @property
    def is_open(self) -> bool:
        return self._handover.serves

    async def ready(self) -> None:
        await self._handover.ready()

    async def tried(self) -> None:
        """Return when it is open, or could not be opened the first time it was tried."""
        await self._tried.wait()

    def use(self) -> Serving[Destination[Any, Any]]:
        """``with connector.use() as destination`` for the length of one call: it is not closed during that."""
        return self._handover.use()

    async def close(self) -> None:
        """Stop opening it, or close it; never raises, never hangs."""
        self._watching.cancel()
        await asyncio.wait({self._watching}, timeout=_CLOSE_TIMEOUT)
        await self._handover.close(_CLOSE_TIMEOUT)

    async def _watch(self) -> None:
        if self._entry.file_secrets is None or not self._opens:
            return
        watch = SecretWatch(self._entry.file_secrets, self._about)
        while True:
            self._handover.replace(await watch.changed())

    def _changed(self, change: Change[Any]) -> None:
        self._tried.set()
        if change.files:
            _log.info("secret changed, the new one is in use", extra={**self._about, "file": str(change)})
            self._taken_over()

    def _failed(self, error: Exception, failures: int) -> float:
        self.problem = describe(error)
        self._tried.set()
        pause = backoff(failures, self._entry.settings.retry).total_seconds()
        message = "destination cannot be opened"
        if self.is_open:
            message += " with its new secret, the old one stays in use"
        _log.warning(message, extra={**self._about, "error": self.problem, "again_in": pause})
        return pause

    async def _close(self, destination: Destination[Any, Any]) -> None:
        try:
            await bounded(destination.close(), _CLOSE_TIMEOUT)
        except Exception as error:  # noqa: BLE001  (it must not keep the others from being closed)
            _log.warning("destination cannot be closed", extra={**self._about, "error": describe(error)})
