"""Rows in a SQLite or PostgreSQL table: created if missing, upserted, so that a repeat changes nothing."""

from connectors.destinations.database.config import DatabaseConfig
from connectors.destinations.database.destination import DatabaseDestination

__all__ = ["DatabaseConfig", "DatabaseDestination"]
