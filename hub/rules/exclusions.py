"""Which of many ``anything-but`` a value gets past, at a price that grows with those, not with all."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

from hub.rules.conditions import AnythingBut, NoneOf, Scalar, identity

T = TypeVar("T")


class Exclusions(Generic[T]):
    """A value that fewer than half of them exclude gets past most, so that asking each costs no more than the answers.
    For the others, which are few, it is noted who does not exclude them. Those that exclude by operators (``prefix`` …)
    are asked one by one: one question for each different one, however many routes share it.
    """

    def __init__(self, targets: Iterable[tuple[AnythingBut | NoneOf, T]]) -> None:
        self._asked: list[tuple[NoneOf, T]] = []
        self._by_value: list[tuple[frozenset[Hashable], T]] = []
        for operator, target in targets:
            if isinstance(operator, NoneOf):
                self._asked.append((operator, target))
            else:
                self._by_value.append((operator.values, target))
        excluding = Counter(value for values, _ in self._by_value for value in values)
        self._past: Mapping[Hashable, list[T]] = {
            value: self._past_one_by_one(value) for value, count in excluding.items() if 2 * count > len(self._by_value)
        }

    def past(self, value: Scalar) -> Iterable[T]:
        """What belongs to each that does not exclude the value."""
        yield from (target for operator, target in self._asked if operator.accepts(value))
        key = identity(value)
        yield from self._past[key] if key in self._past else self._past_one_by_one(key)

    def _past_one_by_one(self, key: Hashable) -> list[T]:
        return [target for values, target in self._by_value if key not in values]
