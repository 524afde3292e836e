"""Records that are no hub's: each becomes a dead letter as it is, and does not stop the line."""

import logging

from hub.delivery.policy import describe
from hub.log.records import MalformedRecordError, Record, unreadable_dead_letter
from hub.processors.window import Received

_log = logging.getLogger(__name__)


def unreadable(received: Received, error: MalformedRecordError) -> Record:
    """Its dead letter, to be written by the caller before it is acknowledged."""
    record = received.record
    _log.error(
        "record cannot be read, it becomes a dead letter",
        extra={"topic": record.topic, "offset": received.offset, "error": str(error)},
    )
    return unreadable_dead_letter(record.key, record.value, record.headers, describe(error))
