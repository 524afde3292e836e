"""Gemini API webhooks."""

from connectors.sources.gemini.source import GeminiConfig, GeminiSource

__all__ = ["GeminiConfig", "GeminiSource"]
