"""The ways from one branch of the index to the next: which of many requirements on one field a value fulfils."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from hub.rules.conditions import (
    AnythingBut,
    EqualsIgnoreCase,
    NoneOf,
    Prefix,
    Present,
    Range,
    Scalar,
    Suffix,
    folded,
    identity,
)
from hub.rules.exclusions import Exclusions
from hub.rules.intervals import Stabbing, intervals
from hub.rules.networks import Network, address
from hub.rules.requirements import Absent, Contains, Requirement
from hub.rules.texts import Beginnings, Pieces

T = TypeVar("T")


class Edges(Generic[T]):
    """A target for each requirement on one field. One lookup costs what its answers cost, and little more: not
    O(requirements). ``absent`` is where no value leads.
    """

    def __init__(self, targets: Mapping[Requirement, T]) -> None:
        literals: dict[Hashable, T] = {}
        exact: list[tuple[Prefix | Suffix | Contains, T]] = []
        ignoring_case: list[tuple[Prefix | Suffix | EqualsIgnoreCase, T]] = []
        ranges: list[tuple[Range, T]] = []
        networks: list[tuple[Network, T]] = []
        excluding: list[tuple[AnythingBut | NoneOf, T]] = []
        self._present: list[T] = []
        self.absent: T | None = None
        for requirement, target in targets.items():
            match requirement:
                case Prefix(_, True) | Suffix(_, True) | EqualsIgnoreCase():
                    ignoring_case.append((requirement, target))
                case Prefix() | Suffix() | Contains():
                    exact.append((requirement, target))
                case Range():
                    ranges.append((requirement, target))
                case Network():
                    networks.append((requirement, target))
                case AnythingBut() | NoneOf():
                    excluding.append((requirement, target))
                case Present():
                    self._present.append(target)
                case Absent():
                    self.absent = target
                case _:
                    literals[requirement] = target
        self._literals = literals
        self._texts = _Texts(exact) if exact else None
        self._folded = _Texts(ignoring_case) if ignoring_case else None
        self._ranges = intervals(ranges) if ranges else None
        self._networks = _Networks(networks) if networks else None
        self._excluding = Exclusions(excluding) if excluding else None

    def follow(self, value: Scalar, into: list[T]) -> None:
        """Append the targets of every requirement that the value fulfils."""
        key = identity(value)
        if key in self._literals:
            into.append(self._literals[key])
        if self._present:
            into.extend(self._present)
        if self._excluding is not None:
            into.extend(self._excluding.past(value))
        if isinstance(value, str):
            if self._texts is not None:
                self._texts.follow(value, into)
            if self._folded is not None:
                self._folded.follow(folded(value), into)
            if self._networks is not None:
                self._networks.follow(value, into)
        elif self._ranges is not None and isinstance(value, int | float) and not isinstance(value, bool):
            into.extend(self._ranges.containing(value))


class _Texts(Generic[T]):
    def __init__(self, targets: Sequence[tuple[Prefix | Suffix | Contains | EqualsIgnoreCase, T]]) -> None:
        prefixes = {each.text: target for each, target in targets if isinstance(each, Prefix)}
        suffixes = {each.text[::-1]: target for each, target in targets if isinstance(each, Suffix)}
        pieces = {each.text: target for each, target in targets if isinstance(each, Contains)}
        self._equal = {each.text: target for each, target in targets if isinstance(each, EqualsIgnoreCase)}
        self._beginnings = Beginnings(prefixes) if prefixes else None
        self._endings = Beginnings(suffixes) if suffixes else None
        self._pieces = Pieces(pieces) if pieces else None

    def follow(self, value: str, into: list[T]) -> None:
        if value in self._equal:
            into.append(self._equal[value])
        if self._beginnings is not None:
            into.extend(self._beginnings.of(value))
        if self._endings is not None:
            into.extend(self._endings.of(value[::-1]))
        if self._pieces is not None:
            into.extend(self._pieces.of(value))


class _Networks(Generic[T]):
    def __init__(self, targets: Sequence[tuple[Network, T]]) -> None:
        self._by_version: dict[int, Stabbing[T]] = {}
        for version in {network.version for network, _ in targets}:
            ranges = [(Range(net.low, net.high), target) for net, target in targets if net.version == version]
            self._by_version[version] = intervals(ranges)

    def follow(self, value: str, into: list[T]) -> None:
        found = address(value)
        if found is not None and found[0] in self._by_version:
            into.extend(self._by_version[found[0]].containing(found[1]))
