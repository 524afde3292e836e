"""The optional half of a destination that keeps events: giving them back, for ``hub events`` and ``hub replay``."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from schemas.event import Event


class ArchiveUnreadableError(Exception):
    """The archive cannot be reached, or an object in it is not what the hub wrote. The message says which, and why."""


@dataclass(frozen=True, slots=True)
class ArchivedObject:
    """One object of an archive: its key below the archive's URL, and its size in bytes."""

    key: str
    size: int


class ArchiveReader(ABC):
    """Implement it beside ``Destination`` to let people read events back.

    Works without ``open``, which asks for the right to write; the caller needs to call nothing afterwards.
    """

    @abstractmethod
    def objects(self, after: str | None = None) -> AsyncIterator[Sequence[ArchivedObject]]:
        """Every object with events that live deliveries and redrives wrote, in the order of their keys, from the one
        behind ``after`` on; in lists of any length. What replays wrote is left out: it is there already.

        Raises:
            ArchiveUnreadableError
        """

    @abstractmethod
    def events(self, key: str) -> AsyncIterator[Sequence[Event]]:
        """The events of one object in its order, byte for byte as they were received; in lists of a bounded size. An
        event that went to the archive by several routes is there as often.

        Raises:
            ArchiveUnreadableError
        """
