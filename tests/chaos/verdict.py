"""What a check says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    promise: str
    counts: Mapping[str, int]
    violations: Sequence[str]

    @property
    def kept(self) -> bool:
        return not self.violations
