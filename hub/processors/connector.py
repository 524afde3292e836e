"""One destination's connector in this process: opened in the background, closed on stop, whatever it does."""

import asyncio
import logging
from typing import Any

from connectors.api import Context, Destination
from hub.config.model import DestinationEntry
from hub.delivery.policy import backoff, describe
from hub.processors.calls import bounded

_log = logging.getLogger(__name__)

_CLOSE_TIMEOUT = 10.0  # seconds


class Connector:
    """``destination`` is there once ``ready`` has returned. A destination that cannot be opened is tried again with
    the backoff of its retry settings; the others run meanwhile.
    """

    def __init__(self, entry: DestinationEntry, context: Context) -> None:
        self._entry = entry
        self._context = context
        self.problem: str | None = None
        """Why it could not be opened, the last time that was tried."""
        self._opened: asyncio.Future[Destination[Any, Any]] = asyncio.get_running_loop().create_future()
        self._opening = asyncio.create_task(self._open(), name=f"open {entry.name}")

    @property
    def is_open(self) -> bool:
        return self._opened.done() and not self._opened.cancelled()

    async def ready(self) -> Destination[Any, Any]:
        return await asyncio.shield(self._opened)

    async def close(self) -> None:
        """Stop opening it, or close it; never raises, never hangs."""
        self._opening.cancel()
        await asyncio.wait({self._opening}, timeout=_CLOSE_TIMEOUT)
        if self.is_open:
            await self._close(self._opened.result())
        self._opened.cancel()

    async def _open(self) -> None:
        failures = 0
        seconds = self._entry.settings.timeout.total_seconds()
        while True:
            destination: Destination[Any, Any] | None = None
            try:
                destination = self._entry.connector(self._entry.config, self._context)
                await bounded(destination.open(), seconds)
            except asyncio.CancelledError:
                if destination is not None:
                    await self._close(destination)
                raise
            except Exception as error:  # noqa: BLE001  (a plugin may raise anything; the others must run)
                failures += 1
                self.problem = describe(error)
                pause = backoff(failures, self._entry.settings.retry).total_seconds()
                _log.warning(
                    "destination cannot be opened",
                    extra={"destination": self._entry.name, "error": self.problem, "again_in": pause},
                )
                if destination is not None:
                    await self._close(destination)
                await asyncio.sleep(pause)
            else:
                self._opened.set_result(destination)
                return

    async def _close(self, destination: Destination[Any, Any]) -> None:
        try:
            await bounded(destination.close(), _CLOSE_TIMEOUT)
        except Exception as error:  # noqa: BLE001  (it must not keep the others from being closed)
            _log.warning(
                "destination cannot be closed", extra={"destination": self._entry.name, "error": describe(error)}
            )
