"""An event: one accepted request, its exact bytes, its CloudEvents attributes and its evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

JsonObject = Mapping[str, Any]
"""A JSON object as ``schemas.exact_json`` parses it."""


@dataclass(frozen=True, slots=True)
class EventAttributes:
    """What a source reads out of a verified request (``Source.describe``).

    ``id`` None means that the sender gave none: the hub makes a random one, and promises no deduplication.
    ``time`` is when it happened according to the sender, timezone-aware. ``metadata`` is a small JSON object
    that rules usually look at, 8 kB at most when encoded.
    """

    type: str
    id: str | None = None
    subject: str | None = None
    time: datetime | None = None
    metadata: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One record of ``hub.events``, decoded. ``(source, id)`` identifies it; the topic may repeat it.

    ``digest`` is the SHA-256 of ``body`` in lower-case hex. ``verified`` is the evidence of the check: at least
    ``scheme``. ``headers`` are the received headers on the allow-list, lower-case names, in the order received.
    ``received`` is when the hub accepted it. All times are timezone-aware, in UTC.
    """

    source: str
    id: str
    type: str
    received: datetime
    digest: str
    body: bytes
    endpoint: str = ""
    subject: str | None = None
    time: datetime | None = None
    content_type: str | None = None
    metadata: JsonObject = field(default_factory=dict)
    verified: JsonObject = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    traceparent: str | None = None

    @property
    def partition_key(self) -> str:
        """What the partition is chosen by: the subject, so that one subject stays in order; else the id."""
        return self.subject or self.id
