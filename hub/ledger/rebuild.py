"""Reads the ledger from the log into the projection: all of it, or what a partition has missed."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from hub.ledger.entries import Stretch, decode_stretch
from hub.ledger.store import Store
from hub.log.cut import Cut, Range, ledger_topics
from hub.log.ranges import RangeReader
from hub.log.topics import Topics


async def stretches(reader: RangeReader, topics: Topics, wanted: Range) -> AsyncGenerator[Stretch, None]:
    """A range as stretches that follow each other without a gap, whatever retention took away, up to its end.

    Raises:
        KafkaUnavailableError, NewerFormatError
    """
    begin = wanted.begin
    async with aclosing(reader.read(wanted)) as batches:
        async for records in batches:
            end = records[-1].offset + 1
            yield decode_stretch(topics, wanted.topic, wanted.partition, begin, end, records)
            begin = end
    if begin < wanted.end:
        yield Stretch(wanted.topic, wanted.partition, begin, wanted.end, ())


async def fill(store: Store, reader: RangeReader, cut: Cut, progress: Callable[[int], None] = lambda _: None) -> None:
    """Take in what the store has not yet, up to the ends of the cut. Others may write to it meanwhile.

    Raises:
        KafkaUnavailableError, NewerFormatError, StoreAwayError: what was taken in stays; go on by calling it again.
    """
    for topic in ledger_topics(cut):
        for whole in cut.ranges[topic]:
            position = 0
            while position < whole.end:
                position = await _go_on(store, reader, cut.topics, replace(whole, begin=position), progress)


async def _go_on(
    store: Store, reader: RangeReader, topics: Topics, wanted: Range, progress: Callable[[int], None]
) -> int:
    """Take in from ``wanted.begin`` on, until somebody else turns out to be elsewhere; the store's position then."""
    position = wanted.begin
    async with aclosing(stretches(reader, topics, wanted)) as found:
        async for stretch in found:
            applied = await asyncio.to_thread(store.apply, [stretch])
            position = applied.positions[0]
            progress(max(min(position, stretch.end) - stretch.begin, 0))
            if position != stretch.end:
                break
    return position
