"""Stretches of the ledger's topics, decoded: what the projection is made of."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hub.log.records import MalformedRecordError, decode_decision, decode_outcome
from hub.log.topics import Topics
from schemas.decision import Decision
from schemas.outcome import Outcome

_log = logging.getLogger(__name__)

Entry = Decision | Outcome


class StoredRecord(Protocol):
    """A record as any Kafka client gives it."""

    @property
    def offset(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Stretch:
    """The entries of one partition from ``begin`` up to, not including, ``end``; nothing between is left out.

    ``entries`` are (offset, entry), in order.
    """

    topic: str
    partition: int
    begin: int
    end: int
    entries: Sequence[tuple[int, Entry]]


def decode_stretch(
    topics: Topics, topic: str, partition: int, begin: int, end: int, records: Sequence[StoredRecord]
) -> Stretch:
    """Decode what was read of ``[begin, end)``. A record that is not ours is skipped with a warning.

    Raises:
        NewerFormatError: a newer hub wrote here.
    """
    decode: Callable[[bytes | None], Entry] = decode_decision if topic == topics.decisions else decode_outcome
    entries: list[tuple[int, Entry]] = []
    for record in records:
        try:
            entry = decode(record.value)
            _check(entry)
            entries.append((record.offset, entry))
        except MalformedRecordError as error:
            place = {"topic": topic, "partition": partition, "offset": record.offset}
            _log.warning("not an entry of the ledger, skipped", extra={**place, "error": str(error)})
    return Stretch(topic, partition, begin, end, entries)


def _check(entry: Entry) -> None:
    """A number that no database holds would stop the projection for good."""
    number, bits = (entry.offset, 63) if isinstance(entry, Decision) else (entry.attempt, 31)
    if not 0 <= number < 2**bits:
        raise MalformedRecordError(f"not an entry of a ledger: {number} is no offset or attempt")
