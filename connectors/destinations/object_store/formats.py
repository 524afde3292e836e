"""From deliveries to the bytes of objects. Encoding is pure, and runs in a thread."""

import gzip
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import zstandard

from connectors.api import BadRecordError, Delivery
from connectors.destinations.object_store.config import Format
from schemas.archive import COLUMNS, encode_line, row_of

_JSON_LINES = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Encoded:
    """One object: ``suffix`` closes its name, behind the range's own."""

    path: str
    suffix: str
    content_type: str
    encode: Callable[[], bytes]
    size: int


class Pages(ABC):
    """What was added, by path. ``objects`` may be called again and gives the same."""

    @abstractmethod
    def add(self, path: str, delivery: Delivery[Any]) -> None:
        """Raises BadRecordError: it cannot be written in this format."""

    @abstractmethod
    def objects(self) -> Iterator[Encoded]: ...

    @abstractmethod
    def clear(self) -> None:
        """Free the memory."""


class Lines(Pages):
    """JSON Lines, compressed or not. Only the lines are held: a compressor for each path would take megabytes."""

    def __init__(self, format: Format) -> None:  # noqa: A002 - as the option is called
        self._suffix = f".{format}"
        self._compress = _COMPRESS[format]
        self._content_type = _CONTENT_TYPES[format]
        self._lines: dict[str, list[bytes]] = {}

    def add(self, path: str, delivery: Delivery[Any]) -> None:
        try:
            line = encode_line(delivery.event, delivery.route, delivery.key.id, delivery.key.run)
        except TypeError as error:
            raise BadRecordError(f"the event cannot be written as JSON: {error}") from error
        self._lines.setdefault(path, []).append(line)

    def objects(self) -> Iterator[Encoded]:
        for path, lines in self._lines.items():
            size = sum(map(len, lines))
            yield Encoded(path, self._suffix, self._content_type, partial(self._encode, lines), size)

    def clear(self) -> None:
        self._lines.clear()

    def _encode(self, lines: list[bytes]) -> bytes:
        return self._compress(b"".join(lines))


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True, write_content_size=True).compress(data)


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=6, mtime=0)


_COMPRESS: dict[Format, Callable[[bytes], bytes]] = {
    Format.JSONL: bytes,
    Format.JSONL_GZ: _gzip,
    Format.JSONL_ZST: _zstd,
}
_CONTENT_TYPES = {
    Format.JSONL: _JSON_LINES,
    Format.JSONL_GZ: "application/gzip",
    Format.JSONL_ZST: "application/zstd",
}


class Rows(Pages):
    """Parquet."""

    def __init__(self) -> None:
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def add(self, path: str, delivery: Delivery[Any]) -> None:
        try:
            row = row_of(delivery.event, delivery.route, delivery.key.id, delivery.key.run)
        except TypeError as error:
            raise BadRecordError(f"the event cannot be written as JSON: {error}") from error
        self._rows.setdefault(path, []).append(row)

    def objects(self) -> Iterator[Encoded]:
        for path, rows in self._rows.items():
            size = sum(len(row["body"]) + 500 for row in rows)
            yield Encoded(path, ".parquet", "application/vnd.apache.parquet", partial(_parquet, rows), size)

    def clear(self) -> None:
        self._rows.clear()


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    # pyarrow takes 60 MB once it is imported, and comes with an extra.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    moment = pa.timestamp("us", tz="UTC")
    names = [name for name in COLUMNS if name != "body_base64"]
    schema = pa.schema([(name, moment if name in {"time", "received"} else pa.string()) for name in names])
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink, compression="zstd")
    encoded: bytes = sink.getvalue().to_pybytes()
    return encoded


class Bodies(Pages):
    """One object for each delivery: the bytes that were received."""

    def __init__(self) -> None:
        self._bodies: list[tuple[str, str, str, bytes]] = []

    def add(self, path: str, delivery: Delivery[Any]) -> None:
        content_type = sent_as(delivery.event.content_type)
        suffix = f"-{len(self._bodies):06}{extension(content_type)}"
        self._bodies.append((path, suffix, content_type, delivery.body))

    def objects(self) -> Iterator[Encoded]:
        for path, suffix, content_type, body in self._bodies:
            yield Encoded(path, suffix, content_type, body.__bytes__, len(body))

    def clear(self) -> None:
        self._bodies.clear()


_MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}( *; *[\w.+-]{1,50}=[\w.+\"-]{1,100}){0,5}", re.ASCII)
_EXTENSIONS = {
    "json": ".json",
    "jsonl": ".jsonl",
    "x-ndjson": ".jsonl",
    "xml": ".xml",
    "plain": ".txt",
    "html": ".html",
    "csv": ".csv",
}


def sent_as(content_type: str | None) -> str:
    """The media type for a store, which would refuse an object for a wrong one, for ever."""
    return content_type if content_type and _MEDIA_TYPE.fullmatch(content_type) else "application/octet-stream"


def extension(content_type: str) -> str:
    """``.json`` for ``application/cloudevents+json; charset=utf-8``; ``.bin`` for what is not text."""
    subtype = content_type.partition(";")[0].strip().lower().rpartition("/")[2]
    return _EXTENSIONS.get(subtype.rpartition("+")[2], ".bin")


def make_pages(format: Format) -> Pages:  # noqa: A002 - as the option is called
    if format is Format.PARQUET:
        return Rows()
    return Bodies() if format is Format.RAW else Lines(format)
