"""The event's CloudEvents attributes as headers: HTTP protocol binding 1.0.2, binary mode."""

from datetime import datetime
from urllib.parse import quote

from connectors.api import Event

PREFIX = "ce-"

_AS_IT_IS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


def header_text(text: str) -> str:
    """Percent-encode what section 3.1.3.2 names: spaces, double quotes, ``%``, and all that is not printable ASCII.

    So no event can end a header and begin another one, and every receiver decodes it the same way.
    """
    return quote(text, safe=_AS_IT_IS)


def cloudevents_headers(event: Event) -> dict[str, str]:
    """The attributes that the event has. Its media type is ``Content-Type``, which the binding wants alone."""
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": None if event.time is None else _rfc3339(event.time),
        "traceparent": event.traceparent,
    }
    return {PREFIX + name: header_text(value) for name, value in attributes.items() if value}


def _rfc3339(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
