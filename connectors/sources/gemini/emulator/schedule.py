"""When a failed delivery is tried again (pure). Seconds are emulated ones."""

DELAYS = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0)
"""After the first, second … failure; the last one repeats. Google documents "exponential backoff" for 24 hours; the
steps are the example of the Standard Webhooks specification.
"""
LIFETIME = 24 * 3600.0
JITTER = 0.1
"""A delay is up to this share longer, so that many failures of one moment do not come back at one moment."""


def next_attempt(
    *, failures: int, since: float, now: float, chance: float, retry_after: float | None = None
) -> float | None:
    """When to try again after this many failures (1 or more), or None: given up.

    ``since``: when it was first due; ``chance``: in [0, 1); ``retry_after``: the least delay the receiver asked for.
    """
    delay = DELAYS[min(failures, len(DELAYS)) - 1] * (1 + JITTER * chance)
    at = now + max(delay, retry_after or 0.0)
    return at if at <= since + LIFETIME else None
