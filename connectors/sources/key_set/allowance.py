"""How often strangers may make us ask a key server."""


class Allowance:
    """``burst`` fetches at once, then one every ``pause`` seconds: a rotation soon after another fetch is noticed at
    once, and a flood of unknown keys is not passed on.
    """

    def __init__(self, burst: int, pause: float) -> None:
        self._burst = float(burst)
        self._pause = pause
        self._left = float(burst)
        self._counted: float | None = None

    def take(self, now: float) -> bool:
        """Whether there is one left, which is then taken. ``now`` is in seconds and never goes back."""
        if self._counted is not None:
            self._left = min(self._burst, self._left + (now - self._counted) / self._pause)
        self._counted = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
