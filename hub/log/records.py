"""The door to everything that turns records into headers and back: nothing else in the hub knows a header's name."""

from hub.log.cloudevents import (
    decode_delivery,
    decode_event,
    delivery_destination,
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
    encode_control,
    encode_decision,
    encode_outcome,
)
from hub.log.outline import EventOutline
from hub.log.record import Headers, MalformedRecordError, NewerFormatError, Record
from hub.log.reports import (
    decode_process_report,
    decode_report,
    encode_process_report,
    encode_report,
    is_process_report,
    process_report_key,
    report_key,
)
from hub.log.revision_records import decode_revision, encode_revision
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
    "decode_process_report",
    "decode_report",
    "decode_revision",
    "delivery_destination",
    "delivery_headers",
    "delivery_key",
    "encode_control",
    "encode_decision",
    "encode_delivery",
    "encode_event",
    "encode_outcome",
    "encode_process_report",
    "encode_report",
    "encode_revision",
    "event_headers",
    "event_identity",
    "is_process_report",
    "partition_for",
    "partition_for_bytes",
    "process_report_key",
    "report_key",
    "unreadable_dead_letter",
]
