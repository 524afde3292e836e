"""When each key was last used by a sender, as far as the newest events tell."""

import math
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hub.log.cut import Range
from hub.log.ranges import RangeReader
from hub.log.records import MalformedRecordError, decode_event

KeyOfSource = tuple[str, str]
"""The source's name, and ``Verified.key``."""

_RECORDS = 1000
_BYTES = 4_000_000
"""So many records and bytes of each partition are looked at, at most: the answer may cost seconds, not minutes."""
_STRIDE = 100


@dataclass(frozen=True, slots=True)
class KeyUses:
    """``last`` says when an event came that was verified with a key. A key that is not there was not used after
    ``complete_since``; not at all, as far as the log goes back, where that is None.
    """

    last: Mapping[KeyOfSource, datetime] = field(default_factory=dict)
    complete_since: datetime | None = None


async def key_uses(reader: RangeReader, events: Sequence[Range]) -> KeyUses:
    """``events`` are all partitions of ``hub.events``.

    Raises:
        KafkaUnavailableError, NewerFormatError
    """
    last: dict[KeyOfSource, datetime] = {}
    horizons = [await _partition(reader, one.whole, last) for one in events]
    return KeyUses(last, max((each for each in horizons if each is not None), default=None))


async def _partition(reader: RangeReader, whole: Range, last: dict[KeyOfSource, datetime]) -> datetime | None:
    """Look at the newest events; the time of the oldest of them where there are older ones."""
    end, size = whole.end, 0
    oldest = math.inf  # milliseconds since 1970, as the records' timestamps
    while end > whole.begin:
        if oldest < math.inf and (whole.end - end >= _RECORDS or size >= _BYTES):
            return datetime.fromtimestamp(oldest / 1000, UTC)
        begin = max(whole.begin, end - _STRIDE)
        async with aclosing(reader.read(replace(whole, begin=begin, end=end))) as batches:
            async for records in batches:
                for record in records:
                    size += len(record.value or b"")
                    oldest = min(oldest, record.timestamp)
                    try:
                        event = decode_event(record.headers, record.value)
                    except MalformedRecordError:
                        continue
                    key = (event.source, str(event.verified.get("key")))
                    last[key] = max(event.received, last.get(key, event.received))
        end = begin
    return None
