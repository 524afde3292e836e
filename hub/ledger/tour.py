"""Goes through one partition of a cut, and tells a visitor what is there."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from hub.ledger.digest import digest_of_bytes
from hub.ledger.judge import Place
from hub.log.cut import Cut, Range
from hub.log.ranges import RangeReader
from hub.log.records import (
    MalformedRecordError,
    decode_decision,
    decode_delivery,
    decode_outcome,
    delivery_key,
)
from schemas.decision import Decision
from schemas.identity import DeliveryKey
from schemas.outcome import Outcome

Progress = Callable[[int], None]
"""Called with the number of records that were just gone through."""


class Visitor(Protocol):
    """What is told, in the order of these methods; each topic in its own order."""

    def decided(self, place: Place, decision: Decision, /) -> None: ...
    def stands(self, place: Place, key: DeliveryKey, /, *, waiting: bool) -> None: ...
    def stands_unreadable(self, place: Place, fingerprint: bytes, /, *, waiting: bool) -> None: ...
    def letter(self, place: Place, key: DeliveryKey, /) -> None: ...
    def unreadable_letter(self, place: Place, key: DeliveryKey | None, fingerprint: bytes, /) -> None: ...
    def ended(self, place: Place, outcome: Outcome, /) -> None: ...


class Tour:
    """Of one cut. ``retraced``: go also through what left the retry tiers, to find where something was last seen.

    Its calls raise KafkaUnavailableError and NewerFormatError.
    """

    def __init__(self, reader: RangeReader, cut: Cut, progress: Progress, *, retraced: bool = False) -> None:
        self._reader = reader
        self._cut = cut
        self._progress = progress
        self._retraced = retraced

    def __len__(self) -> int:
        """How many records the whole tour goes through."""
        return sum(
            len(one)
            for partition in self._cut.partitions
            for one in (
                *self._of(self._cut.topics.decisions, partition),
                *self._standing(partition),
                *self._of(self._cut.topics.dead_letters, partition),
                *self._cut.outcomes(partition),
            )
        )

    async def visit(self, partition: int, visitor: Visitor) -> None:
        """Go through one partition of every topic."""
        topics = self._cut.topics
        for one in self._of(topics.decisions, partition):
            await self._decisions(one, visitor)
        for one in self._standing(partition):
            await self._deliveries(one, visitor)
        for one in self._of(topics.dead_letters, partition):
            await self._letters(one, visitor)
        for one in self._cut.outcomes(partition):
            await self._outcomes(one, visitor)

    def _of(self, topic: str, partition: int) -> list[Range]:
        found = self._cut.of(topic, partition)
        return [] if found is None else [found]

    def _standing(self, partition: int) -> list[Range]:
        """Lanes and tiers. What left a tier is in a lane, written before."""
        lanes = [one.from_waiting() for _, one in self._cut.lanes(partition)]
        tiers = [one.from_waiting() if self._retraced else one.waiting for _, one in self._cut.tiers(partition)]
        return [*lanes, *tiers]

    async def _decisions(self, one: Range, visitor: Visitor) -> None:
        async for record in self._records(one):
            try:
                decision = decode_decision(record.value)
            except MalformedRecordError:
                continue  # whoever wrote it, it decides nothing
            visitor.decided(_place(record), decision)

    async def _deliveries(self, one: Range, visitor: Visitor) -> None:
        async for record in self._records(one):
            waiting = record.offset >= one.committed
            try:
                key = delivery_key(record.headers)
            except MalformedRecordError:
                visitor.stands_unreadable(_place(record), fingerprint(record), waiting=waiting)
            else:
                visitor.stands(_place(record), key, waiting=waiting)

    async def _letters(self, one: Range, visitor: Visitor) -> None:
        async for record in self._records(one):
            try:
                visitor.letter(_place(record), decode_delivery(record.headers, record.value).key)
            except MalformedRecordError:
                visitor.unreadable_letter(_place(record), _named(record), fingerprint(record))

    async def _outcomes(self, one: Range, visitor: Visitor) -> None:
        async for record in self._records(one):
            try:
                outcome = decode_outcome(record.value)
            except MalformedRecordError:
                continue  # it ends nothing
            visitor.ended(_place(record), outcome)

    async def _records(self, one: Range) -> AsyncIterator[Any]:
        async for records in self._reader.read(one):
            for record in records:
                yield record
            self._progress(len(records))


def fingerprint(record: Any) -> bytes:
    """Of a record's key and value, which a dead letter keeps as they are."""
    return digest_of_bytes(record.key or b"", record.value or b"")


def _place(record: Any) -> Place:
    return Place(record.topic, record.partition, record.offset, record.timestamp)


def _named(record: Any) -> DeliveryKey | None:
    try:
        return delivery_key(record.headers)
    except MalformedRecordError:
        return None
