"""Gemini API webhooks."""

from connectors.sources.gemini.dynamic import GeminiDynamicConfig, GeminiDynamicSource
from connectors.sources.gemini.source import GeminiConfig, GeminiSource

__all__ = ["GeminiConfig", "GeminiDynamicConfig", "GeminiDynamicSource", "GeminiSource"]
