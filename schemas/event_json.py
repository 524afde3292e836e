"""An event as JSON: what ``hub events --json`` prints and ``hub/api`` answers, and back to the exact bytes."""

from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any

from schemas.event import Event, JsonObject


class UnreadableEventError(ValueError):
    """It is not what a hub writes. The message says why."""


def event_to_json(event: Event, *, partition: int, offset: int, body: bool = True) -> dict[str, Any]:
    """An object for ``orjson``. Without ``body`` it leaves out what is long: the body and the evidence."""
    found: dict[str, Any] = {
        "source": event.source,
        "id": event.id,
        "type": event.type,
        "subject": event.subject,
        "time": event.time,
        "received": event.received,
        "endpoint": event.endpoint,
        "content_type": event.content_type,
        "metadata": event.metadata,
        "size": len(event.body),
        "partition": partition,
        "offset": offset,
    }
    if not body:
        return found
    found |= {
        "digest": event.digest,
        "verified": event.verified,
        "headers": event.headers,
        "traceparent": event.traceparent,
    }
    return {**found, **body_to_json(event.body)}


def body_to_json(body: bytes) -> dict[str, str]:
    """``body`` with the text as it is, or ``body_base64`` if it is no text."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": b64encode(body).decode()}


def event_of_json(found: JsonObject) -> Event:
    """Undo ``event_to_json``; the body must be there.

    Raises:
        UnreadableEventError
    """
    try:
        body = found["body"].encode() if "body" in found else b64decode(found["body_base64"], validate=True)
        return Event(
            source=found["source"],
            id=found["id"],
            type=found["type"],
            received=datetime.fromisoformat(found["received"]),
            digest=found["digest"],
            body=body,
            endpoint=found["endpoint"],
            subject=found["subject"],
            time=None if found["time"] is None else datetime.fromisoformat(found["time"]),
            content_type=found["content_type"],
            metadata=found["metadata"],
            verified=found["verified"],
            headers=tuple((name, value) for name, value in found["headers"]),
            traceparent=found["traceparent"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableEventError(f"not an event as a hub writes it: {error!r}") from error
