"""An archived event: what `object_store` keeps of each, as a line of JSON or a row, and back to the exact bytes."""

from base64 import b64decode, b64encode
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

import orjson

from schemas.event import Event, JsonObject
from schemas.exact_json import dumps, restore
from schemas.identity import DeliveryId, Run


class BodyEncoding(StrEnum):
    JSON = "json"  # the body is JSON, and stands there as JSON
    TEXT = "text"  # it is UTF-8 text
    BASE64 = "base64"  # it is neither


@dataclass(frozen=True, slots=True)
class ArchivedEvent:
    """One line of an archived JSON Lines file. ``body`` comes last.

    ``body_base64`` has the exact bytes of a JSON body that spans lines. Any other JSON body stands in ``body`` byte for
    byte: what follows the name ``body`` up to the line's closing brace hashes to ``digest``.
    """

    source: str
    id: str
    type: str
    subject: str | None
    time: datetime | None
    received: datetime
    endpoint: str
    metadata: JsonObject
    content_type: str | None
    verified: JsonObject
    headers: tuple[tuple[str, ...], ...]
    digest: str
    traceparent: str | None
    route: str
    delivery: DeliveryId
    run: Run
    body_encoding: BodyEncoding
    body_base64: str | None
    body: Any


COLUMNS = tuple(field.name for field in fields(ArchivedEvent))
"""Those of a Parquet file are the same, but for ``body_base64``: there ``body`` is the text of the JSON itself."""

_LINE_OPTIONS = orjson.OPT_UTC_Z
_MARK = b',"body":'


class UnreadableArchiveError(ValueError):
    """A line or row is not what the hub writes. The message says why."""


def encode_line(event: Event, route: str, delivery: DeliveryId, run: Run) -> bytes:
    """The line of one event, its newline included.

    Raises:
        TypeError: the metadata, the evidence or the headers are not JSON (``orjson.JSONEncodeError``).
    """
    head = _head(event, route, delivery, run)
    encoding, body, exact = _encode_body(event.body)
    head["body_encoding"] = encoding
    head["body_base64"] = exact
    head["body"] = body
    return dumps(head, option=_LINE_OPTIONS | orjson.OPT_APPEND_NEWLINE)


def decode_line(line: bytes) -> Event:
    """Undo ``encode_line``; the newline may be there or not.

    Raises:
        UnreadableArchiveError
    """
    line = line.rstrip(b"\r\n")
    try:
        head, rest = _split(line)
        return _event(head, _decode_body(head, rest))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableArchiveError(f"not an archived event: {error!r}") from error


def row_of(event: Event, route: str, delivery: DeliveryId, run: Run) -> dict[str, Any]:
    """The row of one event: a value for each of COLUMNS but ``body_base64``; objects are JSON text."""
    row = _head(event, route, delivery, run)
    for name in ("metadata", "verified", "headers"):
        row[name] = dumps(row[name]).decode()
    encoding, _, _ = _encode_body(event.body)
    row["body_encoding"] = str(encoding)
    row["body"] = b64encode(event.body).decode() if encoding is BodyEncoding.BASE64 else event.body.decode()
    return row


def event_of_row(row: JsonObject) -> Event:
    """Undo ``row_of``.

    Raises:
        UnreadableArchiveError
    """
    try:
        head = {**row, **{name: restore(row[name].encode()) for name in ("metadata", "verified", "headers")}}
        body = b64decode(row["body"]) if row["body_encoding"] == BodyEncoding.BASE64 else row["body"].encode()
        return _event(head, body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableArchiveError(f"not an archived event: {error!r}") from error


def _head(event: Event, route: str, delivery: DeliveryId, run: Run) -> dict[str, Any]:
    return {
        "source": event.source,
        "id": event.id,
        "type": event.type,
        "subject": event.subject,
        "time": event.time,
        "received": event.received,
        "endpoint": event.endpoint,
        "metadata": event.metadata,
        "content_type": event.content_type,
        "verified": event.verified,
        "headers": event.headers,
        "digest": event.digest,
        "traceparent": event.traceparent,
        "route": route,
        "delivery": delivery,
        "run": run,
    }


def _encode_body(body: bytes) -> tuple[BodyEncoding, Any, str | None]:
    """The encoding, what stands as the body, and the exact bytes where that is not them."""
    try:
        orjson.loads(body)
    except ValueError:
        pass
    else:
        if b"\n" not in body and b"\r" not in body:
            return BodyEncoding.JSON, orjson.Fragment(body), None
        # Between the values of JSON only: within a text they would be escaped.
        one_line = body.replace(b"\n", b" ").replace(b"\r", b" ")
        return BodyEncoding.JSON, orjson.Fragment(one_line), b64encode(body).decode()
    try:
        return BodyEncoding.TEXT, body.decode(), None
    except UnicodeDecodeError:
        return BodyEncoding.BASE64, b64encode(body).decode(), None


def _split(line: bytes) -> tuple[dict[str, Any], bytes]:
    """Everything before the body, and the body's own bytes: parsing it could round a number."""
    if not line.endswith(b"}"):
        raise ValueError("the line is cut off")
    at = line.find(_MARK)
    while at >= 0:
        try:
            head = restore(line[:at] + b"}")
        except orjson.JSONDecodeError:  # a member of the metadata is called body
            at = line.find(_MARK, at + 1)
            continue
        if not isinstance(head, dict):
            break
        return head, line[at + len(_MARK) : -1]
    raise ValueError("it has no body")


def _decode_body(head: dict[str, Any], rest: bytes) -> bytes:
    encoding = BodyEncoding(head["body_encoding"])
    if head.get("body_base64") is not None:
        return b64decode(head["body_base64"], validate=True)
    if encoding is BodyEncoding.JSON:
        return rest
    value: str = orjson.loads(rest)
    return value.encode() if encoding is BodyEncoding.TEXT else b64decode(value, validate=True)


def _event(head: JsonObject, body: bytes) -> Event:
    if sha256(body).hexdigest() != head["digest"]:
        raise ValueError("its body does not have the digest that stands beside it: somebody changed it")
    return Event(
        source=head["source"],
        id=head["id"],
        type=head["type"],
        received=_time(head["received"]),
        digest=head["digest"],
        body=body,
        endpoint=head["endpoint"] or "",
        subject=head["subject"],
        time=None if head["time"] is None else _time(head["time"]),
        content_type=head["content_type"],
        metadata=head["metadata"],
        verified=head["verified"],
        headers=tuple((name, value) for name, value in head["headers"]),
        traceparent=head["traceparent"],
    )


def _time(value: str | datetime) -> datetime:
    return (value if isinstance(value, datetime) else datetime.fromisoformat(value)).astimezone(UTC)
