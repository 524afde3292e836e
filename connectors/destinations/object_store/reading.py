"""Reads an archive back: the keys in order, the events of one object in theirs."""

import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import obstore
import zstandard
from obstore.store import LocalStore

from connectors.api import ArchivedObject, ArchiveUnreadableError, Event
from connectors.destinations.object_store.errors import FOREIGN, delivery_error
from schemas.archive import UnreadableArchiveError, decode_line, event_of_row

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_AT_ONCE = 500
_CHUNK = 1_000_000
_LONGEST_LINE = 200_000_000
"""Bytes. A body may be as large as ``max_body``; what has no newline for longer is no archive."""

_REPLAYS = "run="


async def objects(store: "ObjectStore", after: str | None) -> AsyncIterator[Sequence[ArchivedObject]]:
    """See ``ArchiveReader.objects``."""
    try:
        if isinstance(store, LocalStore):  # which lists in no order
            listed = [each async for found in obstore.list(store) for each in found]
            found = sorted((each for each in listed if after is None or each["path"] > after), key=lambda e: e["path"])
            yield _archived((each["path"], each["size"]) for each in found)
            return
        async for batch in obstore.list(store, offset=after):
            yield _archived((each["path"], each["size"]) for each in batch)
    except FOREIGN as error:
        raise ArchiveUnreadableError(f"the archive cannot be listed: {delivery_error(error)}") from None


def _archived(found: Iterator[tuple[str, int]]) -> list[ArchivedObject]:
    return [ArchivedObject(key, size) for key, size in found if _is_live(key) and _format(key)]


def _is_live(key: str) -> bool:
    return not key.startswith(_REPLAYS)


def _format(key: str) -> str | None:
    return next((suffix for suffix in (*_LINES, ".parquet") if key.endswith(suffix)), None)


async def events(store: "ObjectStore", key: str) -> AsyncIterator[Sequence[Event]]:
    """See ``ArchiveReader.events``."""
    suffix = _format(key)
    if suffix is None:
        raise ArchiveUnreadableError(f"{key} has no attributes, or is not the hub's; raw archives cannot be read back")
    try:
        got = await obstore.get_async(store, key)
        if suffix == ".parquet":
            for rows in _rows(bytes(await got.bytes_async())):
                yield [event_of_row(row) for row in rows]
            return
        number = 0
        async for lines in _lines(got.stream(min_chunk_size=_CHUNK), _LINES[suffix]()):
            for start in range(0, len(lines), _AT_ONCE):
                some = lines[start : start + _AT_ONCE]
                yield [_event(line, key, number + offset) for offset, line in enumerate(some, 1)]
                number += len(some)
    except (UnreadableArchiveError, zlib.error, zstandard.ZstdError) as error:
        raise ArchiveUnreadableError(f"{key}: {error}") from error
    except FOREIGN as error:
        raise ArchiveUnreadableError(f"{key}: {delivery_error(error)}") from None


def _event(line: bytes, key: str, number: int) -> Event:
    try:
        return decode_line(line)
    except UnreadableArchiveError as error:
        raise ArchiveUnreadableError(f"{key}, line {number}: {error}") from error


class _Decompressor(Protocol):
    """What zlib and zstandard have in common. ``unused_data`` follows the end of a member or frame."""

    @property
    def unused_data(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, /) -> bytes: ...


_LINES: dict[str, Callable[[], Callable[[], _Decompressor] | None]] = {
    ".jsonl": lambda: None,
    ".jsonl.gz": lambda: lambda: zlib.decompressobj(wbits=31),
    ".jsonl.zst": lambda: zstandard.ZstdDecompressor().decompressobj,
}


async def _lines(
    chunks: AsyncIterator[object], decompressor: Callable[[], _Decompressor] | None
) -> AsyncIterator[list[bytes]]:
    rest = b""
    unpacking = None if decompressor is None else decompressor()
    async for chunk in chunks:
        data = bytes(chunk)  # type: ignore[call-overload]  # obstore's own bytes are a buffer
        while data:
            if unpacking is None:
                unpacked, data = data, b""
            else:
                unpacked = unpacking.decompress(data)
                data = unpacking.unused_data
                if unpacking.eof and decompressor is not None:
                    unpacking = decompressor()
            *lines, rest = (rest + unpacked).split(b"\n")
            if lines:
                yield lines
            if len(rest) > _LONGEST_LINE:
                raise UnreadableArchiveError(f"a line is longer than {_LONGEST_LINE:,} bytes")
    if rest:
        raise UnreadableArchiveError("it ends in the middle of a line")


def _rows(data: bytes) -> Iterator[list[dict[str, object]]]:
    import pyarrow as pa  # noqa: PLC0415  (takes 60 MB, and comes with an extra)
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        for batch in pq.ParquetFile(pa.BufferReader(data)).iter_batches(_AT_ONCE):
            yield batch.to_pylist()
    except pa.ArrowException as error:
        raise UnreadableArchiveError(f"not Parquet: {error}") from error
