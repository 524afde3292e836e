"""Events, deliveries and bodies to try a connector with."""

import hashlib
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from connectors.api import Context, Delivery, DeliveryKey, Event, Options, OutgoingHttp
from schemas.identity import LIVE, delivery_id

RECEIVED = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)

BODIES: Mapping[str, bytes] = {
    "json": b'{"type": "order.paid", "data": {"amount": 4990}}',
    "empty": b"",
    "text": b"not JSON \\ at all \\N \t\r\n",
    "not-utf8": b"\xff\xfe\x80",
    "nul-byte": b"a\0b",
    "nul-in-json": b'{"type": "a\\u0000b", "data": {"\\u0000": "\\u0000"}}',
    "half-surrogate": b'{"type": "\\ud800"}',
    "unicode": '{"type": "caf\u00e9", "data": "\U0001f600 \u202e \u2028"}'.encode(),
    "markup": b'{"type": "<!channel> *x* <b>&amp;</b>", "data": "{{ 7 * 7 }} %s \'; DROP TABLE events; --"}',
    "control": b'{"type": "a\\u001b[2Jb\\r\\n"}',
    "deep": b'{"data": ' + b"[" * 900 + b"]" * 900 + b"}",
    "too-deep": b"[" * 100_000,
    "huge": b'{"data": "' + b"x" * 900_000 + b'"}',
    "huge-number": b'{"data": 1e400, "timestamp": 123456789012345678901234567890}',
    "nan": b"NaN",
    "repeated-name": b'{"type": "a", "type": 5}',
    "null": b"null",
    "number": b"5",
    "list": b"[1, [], {}]",
    "wrong-types": b'{"type": {"a": 1}, "timestamp": [], "data": 7, "id": true, "action": {}, "repository": "x"}',
}
"""Bodies that senders send, by name; every one may reach a source's ``describe`` and any destination."""

OptionsT = TypeVar("OptionsT", bound=Options)


def context(home: Path, *, allow_private: bool = True, name: str = "target") -> Context:
    """A Context whose HTTP client may reach loopback, since that is where test servers are."""
    return Context(name, home, logging.getLogger(f"connectors.{name}"), OutgoingHttp(allow_private=allow_private))


def delivery(
    options: OptionsT,
    id: str = "evt-1",  # noqa: A002 -- the event's own name for it
    body: bytes = b'{"amount": 1}',
    *,
    type: str = "batch.succeeded",  # noqa: A002 -- as above
    subject: str | None = "batches/1",
    metadata: Mapping[str, Any] | None = None,
    route: str = "everything",
    source: str = "gemini",
) -> Delivery[OptionsT]:
    """A first attempt at delivering one event."""
    digest = hashlib.sha256(body).hexdigest()
    event = Event(
        source=source,
        id=id,
        type=type,
        subject=subject,
        received=RECEIVED,
        digest=digest,
        body=body,
        metadata=metadata or {},
    )
    return Delivery(DeliveryKey(delivery_id(source, id, digest, route, "target"), LIVE), event, route, 1, options)
