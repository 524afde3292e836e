"""Events as objects in S3, Google Cloud Storage, Azure or a folder: ``type: object_store`` and ``type: object``."""

from connectors.destinations.object_store.config import ObjectConfig, ObjectStoreConfig
from connectors.destinations.object_store.destination import ObjectStoreDestination
from connectors.destinations.object_store.single import ObjectDestination

__all__ = ["ObjectConfig", "ObjectDestination", "ObjectStoreConfig", "ObjectStoreDestination"]
