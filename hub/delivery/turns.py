"""Whose turn is it: shares by weight, so that what is urgent goes first and nothing waits for ever."""

from collections.abc import Collection, Mapping

from schemas.lane import Lane

WEIGHTS: Mapping[Lane, int] = {Lane.HIGH: 16, Lane.NORMAL: 8, Lane.LOW: 2, Lane.REPLAY: 1}


class Turns:
    """Smooth weighted round robin over the lanes that have something: of 27 turns where all do, 16 are ``high``'s, and
    every 27th at the latest is ``replay``'s.
    """

    def __init__(self) -> None:
        self._credit = dict.fromkeys(Lane, 0)

    def next(self, lanes: Collection[Lane]) -> Lane:
        """The lane whose turn it is, of those that have something (at least one)."""
        if len(lanes) == 1:
            return next(iter(lanes))
        for lane in lanes:
            self._credit[lane] += WEIGHTS[lane]
        turn = max(lanes, key=self._credit.__getitem__)
        self._credit[turn] -= sum(WEIGHTS[lane] for lane in lanes)
        return turn
