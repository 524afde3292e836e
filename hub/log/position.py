"""A place in a topic of several partitions, as text that a listener can keep: where to go on without gap or repeat."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

_FORM = re.compile(r"(?P<incarnation>[0-9a-f]{8}):(?P<offsets>[0-9]{1,19}(?:\.[0-9]{1,19})*)", re.ASCII)


class PositionError(ValueError):
    """The text is no position in this topic. The message says why."""


@dataclass(frozen=True, slots=True)
class Position:
    """``offsets``: the next offset of each partition, by its number. ``incarnation`` tells a topic from another that
    was made anew under its name (`hub.log.admin.LogAdmin.incarnations`).
    """

    incarnation: str
    offsets: tuple[int, ...]

    @classmethod
    def of(cls, incarnation: str, offsets: Mapping[int, int]) -> Self:
        return cls(incarnation, tuple(offsets[partition] for partition in range(len(offsets))))

    def after(self, partition: int, offset: int) -> Self:
        """The same, once that record is done with."""
        offsets = (*self.offsets[:partition], offset + 1, *self.offsets[partition + 1 :])
        return replace(self, offsets=offsets)

    def __str__(self) -> str:
        return f"{self.incarnation}:{'.'.join(map(str, self.offsets))}"

    @classmethod
    def parse(cls, text: str, incarnation: str, partitions: int) -> Self:
        """Read what ``str`` wrote.

        Raises:
            PositionError: it is none, or of a topic that is gone.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise PositionError(f"{text[:100]!r} is no position; give back one as it was sent")
        if match["incarnation"] != incarnation:
            raise PositionError("the topic was deleted and made anew since; begin without a position")
        offsets = tuple(map(int, match["offsets"].split(".")))
        if len(offsets) != partitions:
            raise PositionError(f"it has {len(offsets)} partitions, the topic {partitions}; begin without a position")
        return cls(incarnation, offsets)
