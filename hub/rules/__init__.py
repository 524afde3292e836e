"""Patterns: parse what ``when`` says, match documents, find all matching routes at once, explain a mismatch. Pure."""

from hub.rules.errors import InvalidPatternError
from hub.rules.explain import Mismatch, explain
from hub.rules.index import RouteIndex
from hub.rules.parsing import parse
from hub.rules.pattern import Pattern

__all__ = ["InvalidPatternError", "Mismatch", "Pattern", "RouteIndex", "explain", "parse"]
