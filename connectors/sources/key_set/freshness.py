"""How long an answer of a key server counts as fresh (RFC 9111), within bounds of ours."""

import re
from collections.abc import Mapping

SHORTEST, DEFAULT, LONGEST = 60.0, 3600.0, 86_400.0
"""Seconds. A server that allows no caching is still asked once a minute only; one that allows a year is asked daily,
since what it takes back counts here until then.
"""

_MAX_AGE = re.compile(r"max-age=\"?([0-9]{1,9})\"?")
_AGE = re.compile(r"[0-9]{1,9}")


def lifetime(headers: Mapping[str, str]) -> float:
    """Seconds from now. ``headers`` finds names in any case."""
    directives = [each.strip().lower() for each in headers.get("Cache-Control", "").split(",")]
    if "no-store" in directives or "no-cache" in directives:
        return SHORTEST
    ages = [int(match[1]) for match in map(_MAX_AGE.fullmatch, directives) if match]
    if not ages:
        return DEFAULT
    spent = headers.get("Age", "0").strip()  # in caches on the way
    fresh = min(ages) - (int(spent) if _AGE.fullmatch(spent) else 0)
    return min(max(float(fresh), SHORTEST), LONGEST)
