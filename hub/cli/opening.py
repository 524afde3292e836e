"""Opens destinations only to see whether they can be reached, for ``hub check --connect``."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.api import Context, DeliveryError, Destination, OutgoingHttp
from hub.config.model import DestinationEntry

_CLOSE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Opened:
    """How opening one destination ended; ``error`` is None when it was reached."""

    name: str
    error: str | None
    seconds: float


async def open_destinations(
    destinations: Sequence[DestinationEntry], *, home: Path, allow_private: bool
) -> list[Opened]:
    """Open and close all of them at once, each within its own ``timeout``. Nothing is delivered."""
    http = OutgoingHttp(allow_private=allow_private)
    return await asyncio.gather(*(_open(entry, home, http) for entry in destinations))


async def _open(entry: DestinationEntry, home: Path, http: OutgoingHttp) -> Opened:
    began = time.monotonic()
    error = await _error_of(entry, Context(entry.name, home, logging.getLogger(f"hub.{entry.name}"), http))
    return Opened(entry.name, error, round(time.monotonic() - began, 3))


async def _error_of(entry: DestinationEntry, context: Context) -> str | None:
    seconds = entry.settings.timeout.total_seconds()
    try:
        destination = entry.connector(entry.config, context)
        try:
            async with asyncio.timeout(seconds):
                await destination.open()
        finally:
            await _close(destination)
    except TimeoutError:
        return f"did not open within {seconds:g} s"
    except DeliveryError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  (a plugin may raise anything, and the others must be reported)
        return f"{type(error).__name__}: {error}"
    return None


async def _close(destination: Destination[Any, Any]) -> None:
    async with asyncio.timeout(_CLOSE_SECONDS):
        await destination.close()
