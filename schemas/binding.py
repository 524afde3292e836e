"""An event in Kafka: CloudEvents 1.0, Kafka binding 1.0.2, binary mode (``schemas.headers`` explains every header).

Attributes are ``ce_*`` headers, the media type is ``content-type``, the value is the body, the key the subject or else
the id.
"""

from schemas.attributes import (
    EVIDENCE_BUDGET,
    HEADERS_BUDGET,
    METADATA_BUDGET,
    UnencodableEventError,
    encode_json,
    encode_text,
    encode_time,
)
from schemas.event import Event


def encode_key(event: Event) -> bytes:
    """What the partition is chosen by."""
    return encode_text("subject", event.subject) if event.subject else encode_text("id", event.id)


def event_attributes(event: Event) -> list[tuple[str, bytes]]:
    """The headers.

    Raises:
        UnencodableEventError: an attribute is over its budget, empty or not Unicode; the sender's fault.
    """
    if not event.id or not event.type:
        raise UnencodableEventError("type" if event.id else "id", "is empty")
    identity = encode_text("id", event.id)
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", identity),
        ("ce_source", encode_text("source", event.source)),
        ("ce_type", encode_text("type", event.type)),
    ]
    key = identity
    if event.subject:  # CloudEvents has no empty subject
        key = encode_text("subject", event.subject)
        headers.append(("ce_subject", key))
    if event.time is not None:
        headers.append(("ce_time", encode_time(event.time)))
    headers += [
        ("ce_partitionkey", key),
        ("ce_hubreceived", encode_time(event.received)),
        ("ce_hubdigest", event.digest.encode()),
    ]
    if event.content_type:
        headers.append(("content-type", encode_text("content type", event.content_type)))
    if event.endpoint:
        headers.append(("ce_hubendpoint", encode_text("endpoint", event.endpoint)))
    if event.metadata:
        headers.append(("ce_hubmetadata", encode_json("metadata", event.metadata, METADATA_BUDGET)))
    if event.verified:
        headers.append(("ce_hubverified", encode_json("evidence", event.verified, EVIDENCE_BUDGET)))
    if event.headers:
        headers.append(("ce_hubheaders", encode_json("received headers", event.headers, HEADERS_BUDGET)))
    if event.traceparent:
        headers.append(("ce_traceparent", encode_text("traceparent", event.traceparent)))
    return headers
