"""All routes at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from hub.rules.pattern import Pattern


class RouteIndex:
    """Compiled once per revision of the rules; immutable."""

    def __init__(self, patterns: Sequence[Pattern | None]) -> None:
        self._patterns = tuple(patterns)
        self.fields = frozenset(c.path[0] for pattern in patterns if pattern for c in pattern.conditions)

    def match(self, document: Mapping[str, Any]) -> list[int]:
        """Positions of the patterns that match, ascending. None matches everything."""
        return [i for i, pattern in enumerate(self._patterns) if pattern is None or pattern.matches(document)]

    def looks_at(self, field: str) -> bool:
        return field in self.fields
