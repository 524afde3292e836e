"""Public keys that a sender publishes as a JWK Set (RFC 7517) at one URL: read, fetched, and kept."""

from connectors.sources.key_set.cache import KeyCache
from connectors.sources.key_set.fetch import KeySetEndpoint
from connectors.sources.key_set.keys import KeySet, UnusableKeySetError, VerificationKey

__all__ = ["KeyCache", "KeySet", "KeySetEndpoint", "UnusableKeySetError", "VerificationKey"]
