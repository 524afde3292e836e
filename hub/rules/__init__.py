"""Patterns: parse, compile to an index, match, explain. Pure."""
