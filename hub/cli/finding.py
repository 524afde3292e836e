"""An event of the log by what people call it: its id, or ``<source>/<id>``."""

from collections.abc import Sequence
from datetime import datetime

from hub.cli.wiring import fail
from hub.log.reader import LogReader, StoredEvent


def find_events(reader: LogReader, identity: str) -> list[StoredEvent]:
    """All of that id; ends the command where there is none.

    An id may have slashes of its own: ``a/b`` is first the event ``b`` of source ``a``, then the event ``a/b``.

    Raises:
        KafkaUnavailableError, LogAdminError, NewerFormatError
    """
    source, slash, event_id = identity.partition("/")
    found = (reader.find(event_id, source) if slash else []) or reader.find(identity)
    if not found:
        fail(f"no event {identity!r} in the log; it may be older than log.retention. See `hub events list`")
    return found


def newest(found: Sequence[StoredEvent]) -> StoredEvent:
    """The one that was received last."""
    return max(found, key=order_received)


def order_received(stored: StoredEvent) -> tuple[datetime, int, int]:
    """What to sort by."""
    return stored.event.received, stored.partition, stored.offset
