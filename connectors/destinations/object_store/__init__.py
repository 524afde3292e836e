"""``type: object_store``: events as objects in S3, Google Cloud Storage, Azure or a folder."""

from connectors.destinations.object_store.config import ObjectStoreConfig
from connectors.destinations.object_store.destination import ObjectStoreDestination

__all__ = ["ObjectStoreConfig", "ObjectStoreDestination"]
