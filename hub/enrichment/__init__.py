"""What was fetched for events, kept so that every attempt, destination and replay reads the same."""

from hub.enrichment.kept import KeptResults, key_of

__all__ = ["KeptResults", "key_of"]
