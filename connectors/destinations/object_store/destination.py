"""The destination: a client of the store, and the collections that write through it."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import obstore

from connectors.api import (
    ArchivedObject,
    ArchiveReader,
    ArchiveUnreadableError,
    CollectingDestination,
    Collection,
    Context,
    DestinationDownError,
    Effect,
    Event,
    Options,
    Span,
)
from connectors.destinations.object_store import reading
from connectors.destinations.object_store.collection import Objects
from connectors.destinations.object_store.config import Cloud, ObjectStoreConfig
from connectors.destinations.object_store.errors import FOREIGN, delivery_error
from connectors.destinations.object_store.formats import make_pages
from connectors.destinations.object_store.leftovers import remove_leftovers
from connectors.destinations.object_store.stores import make_store

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import ObjectStore

PROBE = "_hub-probe"
"""The object that shows on opening that the store can be written; deleted where that is allowed."""


class ObjectStoreDestination(CollectingDestination[ObjectStoreConfig, Options], ArchiveReader):
    """Every event in exactly one object: S3, Google Cloud Storage, Azure Blob Storage, or a folder.

    An object holds what one partition of the log had for one path in one stretch; ``batch:`` says how long these are.
    Its name is made of topic, partition and offset, so that a repeat replaces it. Each is written by a single PUT, so
    nothing is ever half there. Lines have ``source id type subject time received endpoint metadata content_type
    verified headers digest traceparent route delivery run body_encoding body_base64 body``
    (schemas/json/archived-event.json); rows have the same columns. ``body`` is JSON, or the text, or base64, as
    ``body_encoding`` says.

    A replay writes below ``run=<id>/``. ``hub events list --archive`` and ``hub replay --archive`` read archives back.
    A route's ``stale_after`` and ``retry`` do not apply: nothing is too old for an archive, and nothing is given up.
    """

    name = "object_store"
    config_model = ObjectStoreConfig
    effect = Effect.IDEMPOTENT

    def __init__(self, config: ObjectStoreConfig, context: Context) -> None:
        super().__init__(config, context)
        self._store: ObjectStore | None = None

    async def open(self) -> None:
        try:
            store = await asyncio.to_thread(make_store, self.config, self.context.home)
            self._store = store
            await self._put(PROBE, b"", "application/octet-stream")
            await self._delete_probe()
            if self._folder is not None:
                await asyncio.to_thread(remove_leftovers, self._folder)
        except FOREIGN as error:
            self._store = None
            raise delivery_error(error) from None

    async def close(self) -> None:
        self._store = None

    def collect(self, span: Span) -> Collection[Options]:
        return Objects(make_pages(self.config.format), self.config.path, span, self._put)

    def objects(self, after: str | None = None) -> AsyncIterator[Sequence[ArchivedObject]]:
        return reading.objects(self._readable(), after)

    def events(self, key: str) -> AsyncIterator[Sequence[Event]]:
        return reading.events(self._readable(), key)

    def _readable(self) -> "ObjectStore":
        try:
            return self._store or make_store(self.config, self.context.home)
        except FOREIGN as error:
            raise ArchiveUnreadableError(str(delivery_error(error))) from None

    @property
    def _folder(self) -> Path | None:
        return self.config.folder(self.context.home) if self.config.cloud is Cloud.FOLDER else None

    def _opened(self) -> "ObjectStore":
        if self._store is None:
            raise DestinationDownError("the store is not open")
        return self._store

    async def _put(self, key: str, data: bytes, content_type: str) -> None:
        store, folder = self._opened(), self._folder
        attributes: Attributes | None = None if folder is not None else {"Content-Type": content_type}
        try:
            # One request: an upload in parts that is never completed stays in the bucket, unseen and paid for.
            await obstore.put_async(store, key, data, attributes=attributes, use_multipart=False)
            if folder is not None:
                await asyncio.to_thread(_sync, folder / key)
        except FOREIGN as error:
            raise delivery_error(error) from None

    async def _delete_probe(self) -> None:
        try:
            await obstore.delete_async(self._opened(), PROBE)
        except FOREIGN as error:  # who may only write leaves it there; it is one, and empty
            self.log.debug("the probe stays", extra={"error": str(delivery_error(error))})


def _sync(path: Path) -> None:
    """On disk before it counts as stored: obstore only hands it to the system."""
    for each in (path, path.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
