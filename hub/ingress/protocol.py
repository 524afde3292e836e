"""uvicorn's HTTP protocol with what it lacks against hostile senders: bounds on connections, headers and their time.

uvicorn 0.54 with httptools reads headers of any size for any time, and never closes a connection that sends nothing;
its ``limit_concurrency`` counts idle connections, too, and answers without Retry-After.
"""

import asyncio
import logging
from enum import Enum
from typing import Any

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from hub.ingress.limits import DEFAULT, Limits

_log = logging.getLogger("hub.ingress.refused")


def guarded_protocol(limits: Limits) -> type[HttpToolsProtocol]:
    """The protocol class to give to uvicorn as ``http``."""

    class Bound(GuardedProtocol):
        bounds = limits

    return Bound


class Reading(Enum):
    """What is being read of a connection. A timer runs only where data came and more must follow, so that the
    requests that come whole, which are nearly all, cost no timer.
    """

    NOTHING = "nothing"  # between requests; uvicorn ends a connection that stays so
    HEAD = "headers"
    BODY = "headers and body"


class GuardedProtocol(HttpToolsProtocol):
    """Answers what is no acceptable request by itself, in the form of `hub.ingress.refusal`, and closes."""

    bounds = DEFAULT

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading = Reading.HEAD
        self._message = 0
        self._timed: tuple[int, Reading] = (0, Reading.NOTHING)
        self._timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._field_bytes = 0
        self._unanswered: list[RequestResponseCycle] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        if len(self.connections) > self.bounds.max_connections:
            self._refuse(503, "busy", "too many connections; repeat the request later", b"retry-after: 1\r\n")
        else:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        # uvicorn tells only the last of pipelined requests; the others would write to a closed transport and fail.
        for cycle in self._unanswered:
            cycle.disconnected = not cycle.response_complete
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._reading is Reading.HEAD:
            # Counted only while the end of the headers has not come: httptools itself gathers without a bound.
            self._head_bytes += len(data)
            if self._head_bytes > self.bounds.max_header and not self.transport.is_closing():
                self._refuse_head()
        if self._timed != (self._message, self._reading):
            self._watch()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reading = Reading.HEAD
        self._message += 1
        self._head_bytes = self._field_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._field_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._field_bytes += len(name) + len(value)  # also of trailers after a chunked body
        if self._field_bytes > self.bounds.max_header:
            raise httptools.HttpParserError("headers too large")  # uvicorn then calls send_400_response
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._reading = Reading.BODY
        super().on_headers_complete()
        self._unanswered = [cycle for cycle in self._unanswered if not cycle.response_complete]
        self._unanswered.append(self.cycle)

    def on_message_complete(self) -> None:
        self._reading = Reading.NOTHING
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._field_bytes > self.bounds.max_header:
            self._refuse_head()
        else:
            self._refuse(400, "not-http", f"{msg} Send HTTP/1.1.")

    def _watch(self) -> None:
        """Let the timer run for what is being read now."""
        self._stop_timer()
        self._timed = (self._message, self._reading)
        if self._reading is not Reading.NOTHING and not self.transport.is_closing():
            bounds = self.bounds
            seconds = bounds.header_timeout if self._reading is Reading.HEAD else bounds.body_timeout
            self._timer = self.loop.call_later(seconds, self._too_slow, seconds)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self, seconds: float) -> None:
        if self.transport.is_closing():
            return
        if self.flow.read_paused:  # we do not read, so it is not the sender that is slow
            self._watch()
        elif self._reading is Reading.BODY and self.cycle.response_started:  # refused already, and still sending
            self.transport.close()
        else:
            what = self._reading.value
            self._refuse(408, "too-slow", f"the {what} were not complete after {seconds:g} s; send faster, or less")

    def _refuse_head(self) -> None:
        self._refuse(431, "headers-too-large", f"more than {self.bounds.max_header} bytes of headers; send fewer")

    def _refuse(self, status: int, error: str, message: str, headers: bytes = b"") -> None:
        extra = {"status": status, "error": error, "reason": message, "client": self.client[0] if self.client else None}
        _log.info("request refused", extra=extra)
        content = orjson.dumps({"error": error, "message": message})
        reason = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}
        head = b"HTTP/1.1 %d %s\r\n" % (status, reason.get(status, b"Service Unavailable"))
        fields = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n" % len(content)
        self.transport.write(head + fields + headers + b"\r\n" + content)
        self.transport.close()
