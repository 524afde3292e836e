"""Patterns that are allowed, and take a good part of what one may cost."""

from collections.abc import Iterator

from hub.config.model import Configuration, Finding
from hub.config.places import place_of
from hub.rules.cost import MAX_COST

SUSPICIOUS = MAX_COST // 10


def costly_patterns(configuration: Configuration) -> Iterator[Finding]:
    """Most patterns cost less than twenty."""
    for route in configuration.routes:
        for key, pattern in (("when", route.when), ("unless", route.unless)):
            if pattern is None or pattern.cost <= SUSPICIOUS:
                continue
            several = len(pattern.alternatives)
            multiplied = f", since its `$or` multiply to {several:,} combinations" if several > 1 else ""
            yield Finding(
                place_of(configuration.places, (route.id, key), route.where),
                "costly",
                f"`{key}` of route `{route.id}` costs up to {pattern.cost:,} questions for an event (at most "
                f"{MAX_COST:,} are allowed){multiplied}",
                "say it in lists of values, which cost one question each, or in several routes",
            )
