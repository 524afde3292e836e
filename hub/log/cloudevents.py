"""Events, deliveries and dead letters ⇄ records (``schemas.headers`` explains every header).

They are CloudEvents 1.0 in the Kafka binding's binary mode: attributes are ``ce_*`` headers, the media type is
``content-type``, the value is the body.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
from aiokafka.partitioner import murmur2

from hub.log.record import FORMAT_HEADER, Headers, MalformedRecordError, Record, check_format
from schemas.attributes import (
    ERROR_BUDGET,
    decode_text,
    decode_time,
    encode_text,
    encode_time,
    truncate_text,
)
from schemas.binding import encode_key, event_attributes
from schemas.delivery import DeliveryRecord
from schemas.event import Event
from schemas.exact_json import restore
from schemas.headers import HEADERS, On
from schemas.identity import LIVE, DeliveryId, DeliveryKey, Run
from schemas.lane import Lane

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_OF_DELIVERIES = frozenset(header.name for header in HEADERS if header.on is On.DELIVERIES)


def encode_event(event: Event) -> Record:
    """The record of ``hub.events``; its timestamp is when the event was received.

    Raises:
        UnencodableEventError: an attribute is over its budget, empty or not Unicode; the sender's fault.
    """
    headers = [FORMAT_HEADER, *event_attributes(event)]
    return Record(encode_key(event), event.body, headers, (event.received - _EPOCH) // _MILLISECOND)


def decode_event(headers: Headers, value: bytes | None) -> Event:
    """Undo `encode_event`; headers of a delivery are ignored.

    Raises:
        NewerFormatError, MalformedRecordError
    """
    found = dict(headers)
    check_format(found.get("ce_hubformat"))
    try:
        return _event(found, value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # null, missing or unreadable headers
        raise _malformed(error) from error


def event_identity(headers: Headers) -> tuple[str, str]:
    """(source, id) of an event or delivery, without decoding the rest.

    Raises:
        MalformedRecordError
    """
    found = dict(headers)
    try:
        return decode_text(found["ce_source"]), decode_text(found["ce_id"])
    except (KeyError, ValueError, AttributeError) as error:
        raise _malformed(error) from error


def delivery_key(headers: Headers) -> DeliveryKey:
    """(id, run) of a delivery, without decoding the rest.

    Raises:
        MalformedRecordError
    """
    found = dict(headers)
    try:
        return DeliveryKey(DeliveryId(found["ce_hubdelivery"].decode()), Run(found.get("ce_hubrun", b"").decode()))
    except (KeyError, ValueError, AttributeError) as error:
        raise _malformed(error) from error


def delivery_destination(headers: Headers) -> str:
    """The name of a delivery's destination, without decoding the rest; its id may have a former one in it.

    Raises:
        MalformedRecordError
    """
    try:
        return dict(headers)["ce_hubdestination"].decode()
    except (KeyError, ValueError, AttributeError) as error:
        raise _malformed(error) from error


def event_headers(headers: Headers) -> list[tuple[str, bytes]]:
    """What a delivery's headers say of its event, byte for byte; `delivery_headers` undone."""
    return [header for header in headers if header[0] not in _OF_DELIVERIES]


def delivery_headers(
    event_headers: Headers,
    *,
    id: DeliveryId,  # noqa: A002 - as DeliveryRecord calls it
    route: str,
    destination: str,
    revision: str,
    run: Run = LIVE,
    lane: Lane = Lane.NORMAL,
) -> list[tuple[str, bytes]]:
    """An event's headers and a first attempt's own: what ``route`` writes, without decoding what it read."""
    headers = [
        *event_headers,
        ("ce_hubdelivery", id.encode()),
        ("ce_hubroute", route.encode()),
        ("ce_hubdestination", destination.encode()),
        ("ce_hubrevision", revision.encode()),
        ("ce_hublane", lane.encode()),
    ]
    if run:
        headers.append(("ce_hubrun", run.encode()))
    return headers


def encode_delivery(delivery: DeliveryRecord) -> Record:
    """The record of a deliveries or retries topic or, with an error, of ``hub.dead-letters``.

    A longer error is cut to its budget at a character's boundary. Its timestamp is now, as the broker's would be.
    """
    event = encode_event(delivery.event)
    headers = delivery_headers(
        event.headers,
        id=delivery.id,
        route=delivery.route,
        destination=delivery.destination,
        revision=delivery.revision,
        run=delivery.run,
        lane=delivery.lane,
    )
    if delivery.attempt:
        headers.append(("ce_hubattempt", b"%d" % delivery.attempt))
    if delivery.first_attempt is not None:
        headers.append(("ce_hubfirstattempt", encode_time(delivery.first_attempt)))
    if delivery.error is not None:
        headers.append(("ce_huberror", encode_text("error", truncate_text(delivery.error, ERROR_BUDGET))))
    return Record(event.key, event.value, headers)


def unreadable_dead_letter(key: bytes | None, value: bytes | None, headers: Headers, error: str) -> Record:
    """The record of ``hub.dead-letters`` for one that is not a hub's: as it is, with the reason."""
    kept = [(name, content or b"") for name, content in headers if name != "ce_huberror"]
    if not any(name == FORMAT_HEADER[0] for name, _ in kept):
        kept.append(FORMAT_HEADER)
    return Record(key, value, [*kept, ("ce_huberror", encode_text("error", truncate_text(error, ERROR_BUDGET)))])


def decode_delivery(headers: Headers, value: bytes | None) -> DeliveryRecord:
    """Undo `encode_delivery` and `delivery_headers`.

    Raises:
        NewerFormatError, MalformedRecordError
    """
    found = dict(headers)
    check_format(found.get("ce_hubformat"))
    try:
        first_attempt = found.get("ce_hubfirstattempt")
        error = found.get("ce_huberror")
        return DeliveryRecord(
            event=_event(found, value),
            id=DeliveryId(found["ce_hubdelivery"].decode()),
            route=found["ce_hubroute"].decode(),
            destination=found["ce_hubdestination"].decode(),
            revision=found["ce_hubrevision"].decode(),
            run=Run(found.get("ce_hubrun", b"").decode()),
            attempt=int(found.get("ce_hubattempt", b"0")),
            first_attempt=None if first_attempt is None else decode_time(first_attempt),
            lane=Lane(found["ce_hublane"].decode()),
            error=None if error is None else decode_text(error),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _malformed(error) from error


@lru_cache(maxsize=10_000)  # the same few subjects and jobs come again and again, and murmur2 in Python takes 5 µs
def partition_for(key: str, partitions: int) -> int:
    """The partition of a key: murmur2 of its bytes as stored, as Kafka's default partitioner in every language."""
    return partition_for_bytes(encode_text("partition key", key), partitions)


def partition_for_bytes(key: bytes, partitions: int) -> int:
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def _event(found: dict[str, bytes], value: bytes | None) -> Event:
    if value is None:
        raise ValueError("it has no value")
    subject = found.get("ce_subject")
    time = found.get("ce_time")
    content_type = found.get("content-type")
    traceparent = found.get("ce_traceparent")
    headers = found.get("ce_hubheaders")
    return Event(
        source=decode_text(found["ce_source"]),
        id=decode_text(found["ce_id"]),
        type=decode_text(found["ce_type"]),
        received=decode_time(found["ce_hubreceived"]),
        digest=found["ce_hubdigest"].decode(),
        body=value,
        endpoint=decode_text(found.get("ce_hubendpoint", b"")),
        subject=None if subject is None else decode_text(subject),
        time=None if time is None else decode_time(time),
        content_type=None if content_type is None else decode_text(content_type),
        metadata=_json_object(found.get("ce_hubmetadata")),
        verified=_json_object(found.get("ce_hubverified")),
        headers=() if headers is None else tuple((name, text) for name, text in orjson.loads(headers)),
        traceparent=None if traceparent is None else decode_text(traceparent),
    )


def _json_object(data: bytes | None) -> dict[str, Any]:
    if data is None:
        return {}
    value = restore(data)
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is not a JSON object")
    return value


def _malformed(error: Exception) -> MalformedRecordError:
    problem = f"it has no header {error}" if isinstance(error, KeyError) else str(error)
    return MalformedRecordError(f"not a hub's record: {problem}")
