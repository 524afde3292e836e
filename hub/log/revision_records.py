"""Revisions of ``hub.yaml`` ⇄ the records of ``hub.config``: JSON, compressed."""

import gzip
import zlib
from dataclasses import fields

from hub.log.record import MalformedRecordError, Record
from hub.log.values import JSON_HEADERS, decode_object, decode_time, encode_value
from schemas.revision import AppliedBy, AppliedRevision

_FIELDS = tuple(field.name for field in fields(AppliedRevision))
_HEADERS = [*JSON_HEADERS, ("content-encoding", b"gzip")]
_MOST_BYTES = 64_000_000
"""Of what a record is unpacked to: whoever may write to the topic must not fill the memory of all who read it."""


def encode_revision(applied: AppliedRevision) -> Record:
    """The record of ``hub.config``. YAML becomes a tenth of its size by the compression."""
    return Record(applied.revision.encode(), gzip.compress(encode_value(applied, _FIELDS), mtime=0), _HEADERS)


def decode_revision(value: bytes | None) -> AppliedRevision:
    """Undo `encode_revision`.

    Raises:
        NewerFormatError, MalformedRecordError
    """
    found = decode_object(_unpacked(value or b""))
    try:
        return AppliedRevision(
            revision=found["revision"],
            previous=found["previous"],
            kind=AppliedBy(found["kind"]),
            overrides=found["overrides"],
            by=found["by"],
            why=found["why"],
            at=decode_time(found["at"]),
            destinations=tuple(found["destinations"]),
            texts=dict(found["texts"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRecordError(f"not a revision: {error!r}") from error


def _unpacked(value: bytes) -> bytes:
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        text = unpacking.decompress(value, _MOST_BYTES)
    except zlib.error as error:
        raise MalformedRecordError(f"not a revision: {error}") from error
    if not unpacking.eof:
        raise MalformedRecordError(f"not a revision: it is cut off, or larger than {_MOST_BYTES:,} bytes")
    return text
