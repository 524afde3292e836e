"""Texts with ``*`` in them, which stands for any characters or none."""

import re
import sys
from dataclasses import dataclass
from typing import Any

_PIECES = re.compile(r"\\.|[*\\]|[^*\\]+", re.DOTALL)


class InvalidWildcardError(ValueError):
    """The message says what would be right."""


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``fragments`` are the texts between the stars: the first begins the value, the last ends it; with no star there
    is one, and it is the value. Asking costs one search per fragment, in the order of the fragments: where an earlier
    place for one of them would do, no later one is better.
    """

    fragments: tuple[str, ...]

    def accepts(self, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        first, *inner = self.fragments
        if not inner:
            return value == first
        last = inner.pop()
        position, end = len(first), len(value) - len(last)
        if position > end or not value.startswith(first) or not value.endswith(last):
            return False
        for fragment in inner:
            found = value.find(fragment, position, end)
            if found < 0:
                return False
            position = found + len(fragment)
        return True

    @classmethod
    def parse(cls, written: str) -> "Wildcard":
        r"""``\*`` is a star and ``\\`` a backslash.

        Raises:
            InvalidWildcardError
        """
        fragments: list[list[str]] = [[]]
        for piece in _PIECES.findall(written):
            if piece == "*":
                fragments.append([])
            elif piece[0] != "\\":
                fragments[-1].append(piece)
            elif piece[1:] in {"*", "\\"}:
                fragments[-1].append(piece[1:])
            else:
                raise InvalidWildcardError(
                    rf"a backslash stands before * or another backslash, not before {piece[1:] or 'the end'}; "
                    r"write \\ for a backslash"
                )
        if not all(fragments[1:-1]):
            raise InvalidWildcardError(r"two stars in a row say what one says; write *, or \* for a star")
        return cls(tuple(sys.intern("".join(each)) for each in fragments))  # many routes have the same ones
