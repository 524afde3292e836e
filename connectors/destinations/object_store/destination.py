"""``type: object_store``: the collections, and the archive they make."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from connectors.api import (
    ArchivedObject,
    ArchiveReader,
    ArchiveUnreadableError,
    CollectingDestination,
    Collection,
    Event,
    Options,
    Span,
)
from connectors.destinations.object_store import reading
from connectors.destinations.object_store.client import StoreDestination
from connectors.destinations.object_store.collection import Objects
from connectors.destinations.object_store.config import ObjectStoreConfig
from connectors.destinations.object_store.errors import FOREIGN, delivery_error
from connectors.destinations.object_store.formats import make_pages
from connectors.destinations.object_store.stores import make_store

if TYPE_CHECKING:
    from obstore.store import ObjectStore


class ObjectStoreDestination(
    StoreDestination[ObjectStoreConfig], CollectingDestination[ObjectStoreConfig, Options], ArchiveReader
):
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

    def collect(self, span: Span) -> Collection[Options]:
        return Objects(make_pages(self.config.format), self.config.path, span, self._client.put)

    def objects(self, after: str | None = None) -> AsyncIterator[Sequence[ArchivedObject]]:
        return reading.objects(self._readable(), after)

    def events(self, key: str) -> AsyncIterator[Sequence[Event]]:
        return reading.events(self._readable(), key)

    def _readable(self) -> "ObjectStore":
        try:
            return self._client.store or make_store(self.config, self.context.home)
        except FOREIGN as error:
            raise ArchiveUnreadableError(str(delivery_error(error))) from None
