"""The door to everything that turns records into headers and back: nothing else in the hub knows a header's name."""

from hub.log.cloudevents import (
    decode_delivery,
    decode_event,
    delivery_headers,
    delivery_key,
    encode_delivery,
    encode_event,
    event_headers,
    event_identity,
    partition_for,
    partition_for_bytes,
    unreadable_dead_letter,
)
from hub.log.ledger import (
    decode_control,
    decode_decision,
    decode_outcome,
    decode_report,
    encode_control,
    encode_decision,
    encode_outcome,
    encode_report,
    report_key,
)
from hub.log.outline import EventOutline
from hub.log.record import Headers, MalformedRecordError, NewerFormatError, Record
from schemas.attributes import UnencodableEventError

__all__ = [
    "EventOutline",
    "Headers",
    "MalformedRecordError",
    "NewerFormatError",
    "Record",
    "UnencodableEventError",
    "decode_control",
    "decode_decision",
    "decode_delivery",
    "decode_event",
    "decode_outcome",
    "decode_report",
    "delivery_headers",
    "delivery_key",
    "encode_control",
    "encode_decision",
    "encode_delivery",
    "encode_event",
    "encode_outcome",
    "encode_report",
    "event_headers",
    "event_identity",
    "partition_for",
    "partition_for_bytes",
    "report_key",
    "unreadable_dead_letter",
]
