"""Failures in a row: is the destination down, although it does not say so, or is a record bad?"""

from collections.abc import Iterable
from typing import Final

from schemas.identity import DeliveryKey

FAILURES: Final = 5
"""So many failures in a row, whatever their type …"""

DELIVERIES: Final = 3
"""… over at least so many deliveries mean that the destination is down: one bad record alone never does."""


class Series:
    """The failures of one destination since its last success."""

    def __init__(self) -> None:
        self._failures = 0
        self._deliveries: set[DeliveryKey] = set()

    def failed(self, deliveries: Iterable[DeliveryKey]) -> bool:
        """Count failures; whether the destination is down."""
        for key in deliveries:
            self._failures += 1
            if len(self._deliveries) < DELIVERIES:
                self._deliveries.add(key)
        return self._failures >= FAILURES and len(self._deliveries) >= DELIVERIES

    def succeeded(self) -> None:
        self._failures = 0
        self._deliveries.clear()
