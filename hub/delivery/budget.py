"""How much a destination that collects holds in memory; when that is too much, its largest collection is written."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(slots=True)
class _Holding:
    size: int
    wake: Callable[[], object]


class Budget:
    """Of all collections of one destination in this process; ``limit`` in bytes. What is being written counts, too."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._gathering: dict[Hashable, _Holding] = {}
        self._writing = 0

    def hold(self, key: Hashable, size: int, wake: Callable[[], object]) -> None:
        """A collection has this size now. ``wake`` is called when one is to be written: that of the largest."""
        self._gathering[key] = _Holding(size, wake)
        if (largest := self._largest()) is not None:
            self._gathering[largest].wake()

    def drop(self, key: Hashable) -> None:
        """It is there no longer."""
        self._gathering.pop(key, None)

    def begin(self, size: int) -> None:
        """So many bytes are being written; `drop` said that they are no longer gathered."""
        self._writing += size

    def end(self, size: int) -> None:
        self._writing -= size

    def is_due(self, key: Hashable) -> bool:
        """Whether this collection is to be written, although it is not full."""
        return self._largest() == key

    def _largest(self) -> Hashable | None:
        """None while there is room; also while what is being written makes half of it: that makes room soon, and to
        write more at once would only make smaller objects.
        """
        gathered = sum([holding.size for holding in self._gathering.values()])
        if gathered + self._writing < self._limit or self._writing * 2 >= self._limit:
            return None
        return max(self._gathering, key=lambda key: self._gathering[key].size, default=None)
