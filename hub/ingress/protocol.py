"""uvicorn's HTTP protocol with what it lacks against hostile senders: bounds on connections, headers and their time.

uvicorn 0.54 with httptools reads headers of any size for any time, and never closes a connection that sends nothing;
its ``limit_concurrency`` counts idle connections, too, and answers without Retry-After.
"""

import asyncio
from typing import Any

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hub.ingress.limits import DEFAULT, Limits


def guarded_protocol(limits: Limits) -> type[HttpToolsProtocol]:
    """The protocol class to give to uvicorn as ``http``."""

    class Bound(GuardedProtocol):
        bounds = limits

    return Bound


class GuardedProtocol(HttpToolsProtocol):
    """Answers what is no acceptable request by itself, in the form of `hub.ingress.refusal`, and closes."""

    bounds = DEFAULT

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0
        self._field_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        if len(self.connections) > self.bounds.max_connections:
            self._refuse(503, "busy", "too many connections; repeat the request later", b"retry-after: 1\r\n")
            return
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            # Counted only while the end of the headers has not come: httptools itself gathers without a bound.
            self._head_bytes += len(data)
            if self._head_bytes > self.bounds.max_header and not self.transport.is_closing():
                self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._field_bytes = 0
        if not self._in_head:  # a further request on this connection
            self._begin_head()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))  # also of trailers after a chunked body
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._end_head()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        if self._field_bytes > self.bounds.max_header:
            self._refuse_head()
        else:
            self._refuse(400, "not-http", f"{msg} Send HTTP/1.1.")

    def _begin_head(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self.bounds.header_timeout, self._too_slow)

    def _end_head(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _count(self, size: int) -> None:
        self._field_bytes += size
        if self._field_bytes > self.bounds.max_header:
            raise httptools.HttpParserError("headers too large")  # ends parsing; uvicorn calls send_400_response

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self._refuse(
                408, "too-slow", f"no complete headers after {self.bounds.header_timeout:g} s; send them faster"
            )

    def _refuse_head(self) -> None:
        self._refuse(431, "headers-too-large", f"more than {self.bounds.max_header} bytes of headers; send fewer")

    def _refuse(self, status: int, error: str, message: str, headers: bytes = b"") -> None:
        content = orjson.dumps({"error": error, "message": message})
        reason = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}
        head = b"HTTP/1.1 %d %s\r\n" % (status, reason.get(status, b"Service Unavailable"))
        fields = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n" % len(content)
        self.transport.write(head + fields + headers + b"\r\n" + content)
        self.transport.close()
