"""The events of an archive, as the records that the ingress had written."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

from connectors.api import ArchiveReader
from hub.log.records import Headers, UnencodableEventError, encode_event, partition_for
from hub.replay.progress import ArchivePosition
from schemas.event import Event

ItemT = TypeVar("ItemT")

_MOST_REMEMBERED = 2_000_000
"""Events of which an archive may have several copies (one for each route to it) without their being read twice: about
70 MB a million. Of later ones the copies are written twice, and delivered once.
"""


@dataclass(frozen=True, slots=True)
class ArchivedRecord:
    """A record of ``hub.events`` as kafka-python has it, as far as it is looked at. ``offset`` counts the events of its
    ``object``; ``partition`` is the one its key belongs to.
    """

    object: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def archived_records(reader: ArchiveReader, partitions: int, since: ArchivePosition) -> Iterator[ArchivedRecord]:
    """Everything from a position on; of several copies of an event the first. Blocks; not for a thread with an event
    loop.

    Raises:
        ArchiveUnreadableError
    """
    seen: set[bytes] = set()
    for key, number, event in archived_events(reader, since):
        identity = blake2b(f"{event.source}\0{event.id}\0{event.digest}".encode(), digest_size=8).digest()
        if identity in seen:
            continue
        if len(seen) < _MOST_REMEMBERED:
            seen.add(identity)
        yield _record(key, number, event, partitions)


def archived_events(reader: ArchiveReader, since: ArchivePosition) -> Iterator[tuple[str, int, Event]]:
    """(key, number, event) of everything from a position on, all copies. Blocks, as above."""
    for found in iterated(lambda: reader.objects(after=since.key[:-1] or None)):
        for each in found:
            if each.key < since.key:
                continue
            number = 0
            for events in iterated(lambda key=each.key: reader.events(key)):  # type: ignore[misc]  # bound at once
                for event in events:
                    if each.key != since.key or number >= since.number:
                        yield each.key, number, event
                    number += 1


def iterated(make: Callable[[], AsyncIterator[ItemT]]) -> Iterator[ItemT]:
    """An asynchronous iterator, for those who block."""
    with asyncio.Runner() as runner:
        items = make()
        try:
            while True:
                try:
                    yield runner.run(_next(items))
                except StopAsyncIteration:
                    return
        finally:
            runner.run(_close(items))


async def _next(items: AsyncIterator[ItemT]) -> ItemT:
    return await anext(items)


async def _close(items: AsyncIterator[object]) -> None:
    close = getattr(items, "aclose", None)
    if close is not None:
        await close()


def _record(key: str, number: int, event: Event, partitions: int) -> ArchivedRecord:
    timestamp = int(event.received.timestamp() * 1000)
    try:
        record = encode_event(event)
    except UnencodableEventError:  # counted with what cannot be read
        return ArchivedRecord(key, 0, number, timestamp, None, None, [])
    partition = partition_for(event.partition_key, partitions)
    return ArchivedRecord(key, partition, number, timestamp, record.key, record.value, record.headers)


def archived_objects(reader: ArchiveReader) -> Sequence[str]:
    """The keys of all objects, in their order. Blocks, as above."""
    return [each.key for found in iterated(reader.objects) for each in found]
