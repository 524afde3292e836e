"""The hot path: ``POST /in/<source>[/<endpoint>]``, from the first header to the acknowledged event."""

import logging
import re
from collections.abc import Callable, Sequence
from datetime import datetime

import orjson
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.api import Reply, Request
from hub.handover import Serving
from hub.ingress.body import Load, read_body
from hub.ingress.deadline import Deadline
from hub.ingress.event_log import EventLog
from hub.ingress.forwarded import FORWARDED_HOST
from hub.ingress.inlet import Inlet
from hub.ingress.inlets import Inlets
from hub.ingress.limits import Limits
from hub.ingress.refusal import ANTICIPATED, RefusedError, respond, unavailable
from schemas.event import Event
from schemas.names import NAME_PATTERN

_log = logging.getLogger(__name__)

# Nothing percent-encoded: an endpoint is compared in rules, so it must have one form.
_PATH = re.compile(rf"/in/(?P<source>{NAME_PATTERN})(?:/(?P<endpoint>[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*))?/?")
_LONGEST_PATH = 512
_PATH_FORM = (
    "webhooks go to POST /in/<source> or /in/<source>/<endpoint>, where an endpoint is made of A-Z a-z 0-9 . _ ~ -"
)


class Intake:
    """Takes what is below ``/in/``, and leaves the rest to the application behind it.

    Raw ASGI in front of Starlette's router and exception handling, whose wrappers cost a webhook 5 µs of 50.
    """

    def __init__(
        self,
        app: ASGIApp,
        inlets: Inlets,
        log: EventLog,
        limits: Limits,
        clock: Callable[[], datetime],
    ) -> None:
        self._app = app
        self._inlets = inlets
        self._log = log
        self._limits = limits
        self._clock = clock
        self._load = Load(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/in/"):
            await self._app(scope, receive, send)
            return
        try:
            stored = await self._take(scope, receive)
        except ANTICIPATED as error:
            refusal = await respond(HttpRequest(scope), error)
            await refusal(scope, receive, send)
            return
        if isinstance(stored, Reply):
            await Response(stored.body, stored.status, dict(stored.headers))(scope, receive, send)
        else:
            await _accept(stored, send)

    async def _take(self, scope: Scope, receive: Receive) -> Sequence[Event] | Reply:
        source, endpoint, max_body = self._find(scope)
        with self._load:
            body = await read_body(receive, scope["headers"], max_body=max_body, load=self._load)
            try:
                with Deadline(self._limits.answer_timeout):
                    return await self._store(source, received_request(scope, endpoint, body))
            finally:
                self._load.buffered -= len(body)

    async def _store(self, source: str, request: Request) -> Sequence[Event] | Reply:
        # Looked up again: while the body came, a secret may have been exchanged.
        with self._serving(source) as inlet:
            now = self._clock()
            verified = await inlet.source.verify(request, now)
            if isinstance(verified, Reply):
                return verified
            events = inlet.events(request, verified, now)
        await self._log.append(events)
        return events

    def _find(self, scope: Scope) -> tuple[str, str, int]:
        """The source, the endpoint, and how large a body may be."""
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        match = _PATH.fullmatch(path.decode("latin-1")) if len(path) <= _LONGEST_PATH else None
        if match is None:
            raise RefusedError(404, "no-such-path", _PATH_FORM, unread=True)
        source = match["source"]
        serving = self._serving(source)
        if scope["method"] != "POST":
            message = f"{scope['method'][:20]} is not for webhooks; use POST"
            raise RefusedError(405, "method-not-allowed", message, headers={"allow": "POST"}, unread=True)
        return source, match["endpoint"] or "", serving.item.max_body

    def _serving(self, source: str) -> Serving[Inlet]:
        serving = self._inlets.find(source)
        if serving is None and not self._inlets.settled:
            raise unavailable("log-unavailable", "which sources there are is not known yet; repeat later", unread=True)
        if serving is None:
            raise RefusedError(404, "unknown-source", f"no source {source!r} is configured; {_PATH_FORM}", unread=True)
        return serving


def received_request(scope: Scope, endpoint: str, body: bytes) -> Request:
    """The request as sources see it. Its URL has the scheme and host that the sender used, also behind a proxy that is
    trusted (`hub.ingress.forwarded`); its headers are as they came.
    """
    headers = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
    host = scope.get(FORWARDED_HOST) or next((value for name, value in headers if name == "host"), None)
    if host is None:  # HTTP/1.0
        server = scope.get("server") or ("localhost", None)
        host = server[0] if server[1] is None else f"{server[0]}:{server[1]}"
    query: bytes = scope.get("query_string", b"")
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    url = f"{scope['scheme']}://{host}{path}"
    if query:
        url = f"{url}?{query.decode('latin-1')}"
    return Request(scope["method"], url, endpoint, headers, body)


async def _accept(events: Sequence[Event], send: Send) -> None:
    first = events[0]
    answer: dict[str, object] = {"id": first.id}
    if len(events) > 1:
        answer["ids"] = [event.id for event in events]
    if _log.isEnabledFor(logging.DEBUG):
        extra = {"source": first.source, "event": first.id, "type": first.type, "bytes": len(first.body)}
        _log.debug("event stored", extra={**extra, "events": len(events)})
    content = orjson.dumps(answer)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": content})
