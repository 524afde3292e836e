"""From what a source describes to what an event may hold: nothing a sender wrote can break a record, or cost one.

An id, type or subject that cannot be stored (over 1,024 bytes, or not Unicode) is replaced by ``sha256:<its digest>``:
equal ones stay equal and different ones different, so deduplication and order hold; the original is in the body.
"""

import hashlib
import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.api import EventAttributes, Expression, Request, Source
from schemas.attributes import METADATA_BUDGET, UnencodableEventError, encode_json

_log = logging.getLogger(__name__)

UNNAMED = "webhook"
"""The type of an event that its source cannot name."""

_TEXT_BYTES = 1024


def describe(source: Source[Any], request: Request) -> Sequence[EventAttributes]:
    """What a request holds; at least one event, since what was verified and accepted is stored whatever it is."""
    try:
        return source.describe(request) or [EventAttributes(type=UNNAMED)]
    except Exception:  # noqa: BLE001  (a fault of the plugin must not cost the event)
        _log.exception("source cannot name an event, stored without a name", extra={"source": source.context.name})
        return [EventAttributes(type=UNNAMED)]


def stored_id(event_id: str | None) -> str:
    return stored_text(event_id) if event_id else str(uuid.uuid4())


def stored_text(text: str) -> str:
    if len(text) <= _TEXT_BYTES // 4 or len(text.encode(errors="surrogatepass")) <= _TEXT_BYTES:
        try:
            text.encode()
        except UnicodeEncodeError:
            return _digest(text)
        return text
    return _digest(text)


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def mapped_metadata(mapping: Mapping[str, Expression], body: Any) -> dict[str, Any]:
    """What the source's ``metadata`` option finds in the body; what is not there is left out."""
    found = {key: expression.find(body) for key, expression in mapping.items()}
    return {key: value for key, value in found.items() if value is not None}


def stored_metadata(metadata: Mapping[str, Any], source: str, event_id: str) -> Mapping[str, Any]:
    """The metadata within its 8 kB: in order, each key that still fits; logs what is dropped."""
    if not metadata or _size(metadata) <= METADATA_BUDGET:
        return metadata
    kept: dict[str, Any] = {}
    dropped: list[str] = []
    room = METADATA_BUDGET - 1
    for key, value in metadata.items():
        size = _size({key: value}) - 1  # one of its braces becomes a comma
        if size <= room:
            kept[key] = value
            room -= size
        else:
            dropped.append(key)
    shown = [key[:100] for key in dropped[:20]]
    _log.warning("metadata dropped", extra={"source": source, "event": event_id, "keys": shown, "count": len(dropped)})
    return kept


def _size(metadata: Mapping[str, Any]) -> int:
    """Bytes as stored; more than any budget for what nests too deep, or what a plugin made that is not JSON."""
    try:
        return len(encode_json("metadata", metadata, METADATA_BUDGET))
    except UnencodableEventError:
        return METADATA_BUDGET + 1
