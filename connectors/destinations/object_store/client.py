"""A store that is written: opened with a probe, one PUT for each object, everything on disk where it is a folder.

And what the destinations have in common that write into one.
"""

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from typing_extensions import TypeVar

from connectors.api import Context, Destination, DestinationDownError, Effect, Options
from connectors.destinations.object_store.config import Cloud, StoreConfig
from connectors.destinations.object_store.errors import FOREIGN, delivery_error
from connectors.destinations.object_store.leftovers import remove_leftovers
from connectors.destinations.object_store.stores import make_store

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import ObjectStore

PROBE = "_hub-probe"
"""The object that shows on opening that the store can be written; deleted where that is allowed."""


class StoreClient:
    """``home``: the hub's data folder. Every method raises DestinationDownError where the store fails."""

    def __init__(self, config: StoreConfig, home: Path, log: logging.Logger) -> None:
        self._config = config
        self._home = home
        self._log = log
        self.store: ObjectStore | None = None
        """None while it is not open."""

    async def open(self) -> None:
        try:
            self.store = await asyncio.to_thread(make_store, self._config, self._home)
            await self.put(PROBE, b"", "application/octet-stream")
            await self._delete_probe()
            if self._folder is not None:
                await asyncio.to_thread(remove_leftovers, self._folder)
        except FOREIGN as error:
            self.store = None
            raise delivery_error(error) from None

    def close(self) -> None:
        self.store = None

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        """Returns when it is stored; what had the key before is replaced."""
        store, folder = self._opened(), self._folder
        attributes: Attributes | None = None if folder is not None else {"Content-Type": content_type}
        try:
            # One request: an upload in parts that is never completed stays in the bucket, unseen and paid for.
            await obstore.put_async(store, key, data, attributes=attributes, use_multipart=False)
            if folder is not None:
                await asyncio.to_thread(_sync, folder / key)
        except FOREIGN as error:
            raise delivery_error(error) from None

    @property
    def _folder(self) -> Path | None:
        return self._config.folder(self._home) if self._config.cloud is Cloud.FOLDER else None

    def _opened(self) -> "ObjectStore":
        if self.store is None:
            raise DestinationDownError("the store is not open")
        return self.store

    async def _delete_probe(self) -> None:
        try:
            await obstore.delete_async(self._opened(), PROBE)
        except FOREIGN as error:  # who may only write leaves it there; it is one, and empty
            self._log.debug("the probe stays", extra={"error": str(delivery_error(error))})


StoreConfigT = TypeVar("StoreConfigT", bound=StoreConfig)


class StoreDestination(Destination[StoreConfigT, Options]):
    """Has a client of the store, open for as long as it is open itself."""

    effect = Effect.IDEMPOTENT

    def __init__(self, config: StoreConfigT, context: Context) -> None:
        super().__init__(config, context)
        self._client = StoreClient(config, context.home, self.log)

    async def open(self) -> None:
        await self._client.open()

    async def close(self) -> None:
        self._client.close()


def _sync(path: Path) -> None:
    """On disk before it counts as stored: obstore only hands it to the system."""
    for each in (path, path.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
