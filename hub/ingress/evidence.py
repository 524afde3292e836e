"""What is kept of a request's headers: on an allow-list, because the default must be to keep no secrets.

Kept are ``content-type``, ``content-encoding``, ``user-agent``, ``date``, ``traceparent``, ``tracestate``, all of
``webhook-*`` and ``ce-*``, the vendors' ``x-…`` headers that name an event (``x-…-event``, ``-event-id``,
``-delivery``, ``-topic``, ``-timestamp``, ``-signature`` and so on), and whatever the source declares as signed. Never
kept, not even then, are headers that carry credentials.
"""

import re

from hub.ingress.refusal import RefusedError
from schemas.attributes import HEADERS_BUDGET, UnencodableEventError, encode_json

Headers = tuple[tuple[str, str], ...]

_ALLOWED = re.compile(
    r"content-type|content-encoding|user-agent|date|traceparent|tracestate"
    r"|(?:webhook|ce)-.+"
    r"|x-(?:.+-)?(?:event|event-type|event-name|event-key|event-id|event-time|delivery|delivery-id|topic|action"
    r"|timestamp|signature|signature-256|signature-v\d+|request-id|message-id|webhook-id|hook-id|idempotency-key|attempt)"
)
_FORBIDDEN = re.compile(r"auth|cookie|token|secret|passw|api-?key|credential|session|^proxy-")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]{0,100})?")
_CONTENT_TYPE = re.compile(r"[!-~][ -~]{0,255}")


class KeptHeaders:
    """Decides, for the headers of one source, which are stored with its events."""

    def __init__(self, signed: frozenset[str], max_bytes: int) -> None:
        self._signed = frozenset(name for name in signed if not _FORBIDDEN.search(name))
        self._max_bytes = max_bytes
        self._known: dict[str, bool] = {}  # by name: senders repeat a few names, and the patterns are slow

    def select(self, headers: Headers) -> Headers:
        """The headers to keep, in the order received, within ``max_bytes`` as stored; the signed ones come first
        where not all fit.

        Raises:
            RefusedError: 431, the signed headers alone do not fit.
        """
        kept = tuple([header for header in headers if self._keeps(header[0])])
        # As JSON a Latin-1 character takes at most six bytes, so most requests need no exact look.
        if sum([len(name) + len(value) + 2 for name, value in kept]) * 6 <= self._max_bytes:
            return kept
        return self._within_bounds(kept)

    def _within_bounds(self, kept: Headers) -> Headers:
        room = self._max_bytes - 1  # two brackets, and no comma after the last
        chosen = set()
        for position, header in sorted(enumerate(kept), key=lambda each: each[1][0] not in self._signed):
            size = _stored_size(header) + 1
            if size <= room:
                room -= size
                chosen.add(position)
            elif header[0] in self._signed:
                message = f"the signed headers take more than {self._max_bytes} bytes; send fewer"
                raise RefusedError(431, "headers-too-large", message)
        return tuple(header for position, header in enumerate(kept) if position in chosen)

    def _keeps(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = name in self._signed or (_ALLOWED.fullmatch(name) is not None and _FORBIDDEN.search(name) is None)
            if len(self._known) < 1000:  # names come from senders
                self._known[name] = known
        return known


def _stored_size(header: tuple[str, str]) -> int:
    try:
        return len(encode_json("received header", header, HEADERS_BUDGET))
    except UnencodableEventError:
        return HEADERS_BUDGET


def single(headers: Headers, name: str) -> str | None:
    """The value of a header that is there once; several leave open which is meant."""
    found = None
    for each, value in headers:
        if each == name:
            if found is not None:
                return None
            found = value
    return found


def content_type(headers: Headers) -> str | None:
    """The media type; None where it is absent, repeated, or not what a media type can be."""
    value = single(headers, "content-type")
    return value if value and _CONTENT_TYPE.fullmatch(value) else None


def traceparent(headers: Headers) -> str | None:
    """The W3C trace context; a malformed one must be ignored (Trace Context, section 3.2.2)."""
    value = single(headers, "traceparent")
    return value if value and _TRACEPARENT.fullmatch(value) else None
