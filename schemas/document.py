"""The document: what ``when`` patterns and templates see of an event."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import orjson

from schemas.event import Event

FIELDS = ("source", "endpoint", "type", "id", "subject", "time", "metadata", "data", "body")


class Document(Mapping[str, Any]):
    """A read-only mapping with the keys of FIELDS; the body is parsed once, when something first looks at it.

    A key whose value the event does not have is absent: ``subject`` and ``time`` where the sender gave none,
    ``data`` and ``body`` where the body is not JSON. ``time`` is RFC 3339 text. ``body`` is the parsed body;
    ``data`` is the member of it that the source declares as its payload, else the body itself.
    """

    def __init__(self, event: Event, payload_member: str | None = None) -> None:
        self._event = event
        self._payload_member = payload_member

    @cached_property
    def _attributes(self) -> dict[str, Any]:
        event = self._event
        fields: dict[str, Any] = {
            "source": event.source,
            "endpoint": event.endpoint,
            "type": event.type,
            "id": event.id,
            "metadata": event.metadata,
        }
        if event.subject is not None:
            fields["subject"] = event.subject
        if event.time is not None:
            fields["time"] = event.time.isoformat().replace("+00:00", "Z")
        return fields

    @cached_property
    def _parsed(self) -> dict[str, Any]:
        try:
            body = orjson.loads(self._event.body)
        except orjson.JSONDecodeError:
            return {}
        if self._payload_member is None:
            return {"body": body, "data": body}
        if isinstance(body, dict) and self._payload_member in body:
            return {"body": body, "data": body[self._payload_member]}
        return {"body": body}

    def __getitem__(self, key: str) -> Any:
        if key in {"body", "data"}:
            return self._parsed[key]
        return self._attributes[key]

    def __iter__(self) -> Iterator[str]:
        yield from self._attributes
        yield from self._parsed

    def __len__(self) -> int:
        return len(self._attributes) + len(self._parsed)
