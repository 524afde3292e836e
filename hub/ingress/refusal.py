"""Refusals: every answer that is not a 202, made in one place.

A refusal is JSON, ``{"error": <code>, "message": <what happened and what to do>}``. 4xx is the sender's to change,
503 is the hub's: the sender should repeat, with the same id.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from connectors.api import KeysUnavailableError, MalformedRequestError, VerificationError
from hub.log.writer import RecordTooLargeError, WriteFailedError, WriterFullError
from schemas.attributes import UnencodableEventError

_log = logging.getLogger("hub.ingress.refused")

_NOT_CONFIRMED = "Kafka did not confirm the event, so it may or may not be stored; repeat the request with the same id"
_LINGER_SECONDS, _LINGER_BYTES = 2.0, 4_000_000


class RefusedError(Exception):
    """Why a request is not accepted. The message goes to the sender: no secrets, no names of ours in it.

    ``unread`` says that the body may not have been read to its end: the connection ends with the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        unread: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.unread = unread


def unavailable(code: str, message: str, *, retry_after: int = 5, unread: bool = False) -> RefusedError:
    """503: nothing is wrong with the request; ``retry_after`` is in seconds."""
    return RefusedError(503, code, message, headers={"retry-after": str(retry_after)}, unread=unread)


def _unrouted(error: HTTPException) -> RefusedError:
    """Starlette found no route for the path, or not for the method."""
    code = "method-not-allowed" if error.status_code == 405 else "not-found"
    message = "webhooks go to POST /in/<source>"
    return RefusedError(error.status_code, code, message, headers=error.headers, unread=True)


ANSWERS: Mapping[type[Exception], Callable[[Any], RefusedError]] = {
    KeysUnavailableError: lambda error: unavailable("keys-unavailable", str(error), retry_after=10),
    MalformedRequestError: lambda error: RefusedError(400, "malformed-request", str(error)),
    VerificationError: lambda error: RefusedError(error.status, "bad-signature", str(error)),
    RecordTooLargeError: lambda error: RefusedError(413, "too-large", f"the event cannot be stored: {error}"),
    UnencodableEventError: lambda error: RefusedError(413, "too-large", f"the event cannot be stored: {error}"),
    WriterFullError: lambda _: unavailable("busy", "too many events wait to be stored; repeat later", retry_after=1),
    WriteFailedError: lambda _: unavailable("not-confirmed", _NOT_CONFIRMED),
    TimeoutError: lambda _: unavailable("not-confirmed", _NOT_CONFIRMED),
    HTTPException: _unrouted,
    Exception: lambda _: RefusedError(500, "internal", "the hub has a fault, its log says which; repeat later"),
}
"""What each exception of the layers below means to the sender; the closest base class counts. Starlette logs what only
``Exception`` covers, with its traceback.
"""

ANTICIPATED: tuple[type[Exception], ...] = (RefusedError, *(each for each in ANSWERS if each is not Exception))
"""What is answered without being a fault of the hub."""


def refusal_of(error: Exception) -> RefusedError:
    if isinstance(error, RefusedError):
        return error
    return next(ANSWERS[each] for each in type(error).__mro__ if each in ANSWERS)(error)


async def respond(request: Request, error: Exception) -> Response:
    """The exception handler of the whole application; logs one line per refusal."""
    refusal = refusal_of(error)
    client = request.client
    _log.log(
        logging.INFO if refusal.status < 500 else logging.WARNING,
        "request refused",
        extra={
            "status": refusal.status,
            "error": refusal.code,
            "reason": refusal.message,
            "method": request.method,
            "path": request.scope["path"][:200],
            "client": client.host if client else None,
            "user_agent": request.headers.get("user-agent", "")[:200],
            "cause": type(error).__name__,
        },
    )
    return RefusalResponse(refusal)


class RefusalResponse(Response):
    """Ends the connection where the body is unread, and then keeps reading for a moment: closing a socket with unread
    data in it resets the connection, and the sender would see that instead of the answer.
    """

    media_type = "application/json"

    def __init__(self, refusal: RefusedError) -> None:
        headers = {**refusal.headers, "connection": "close"} if refusal.unread else refusal.headers
        content = orjson.dumps({"error": refusal.code, "message": refusal.message})
        super().__init__(content, status_code=refusal.status, headers=headers)
        self._unread = refusal.unread

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._unread:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                await _discard(receive)
        await send({"type": "http.response.body", "body": b""})


async def _discard(receive: Receive) -> None:
    discarded = 0
    message: dict[str, Any] = {"more_body": True}
    while message.get("more_body") and discarded < _LINGER_BYTES:
        message = dict(await receive())
        discarded += len(message.get("body", b""))
