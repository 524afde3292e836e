"""The HTTP surface as one Starlette application, which runs the emulator while it is up."""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.sources.gemini.emulator import (
    http_admin,
    http_batches,
    http_files,
    http_interactions,
    http_models,
    http_webhooks,
)
from connectors.sources.gemini.emulator.emulator import Emulator
from connectors.sources.gemini.emulator.errors import GoogleError, InvalidArgumentError, PermissionDeniedError
from connectors.sources.gemini.emulator.http_bodies import Json
from connectors.sources.gemini.emulator.http_files import UPLOAD_ID

_log = logging.getLogger(__name__)
_NO_KEY = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API."
)
_STATUSES = {404: "NOT_FOUND", 405: "UNIMPLEMENTED"}


def create_app(emulator: Emulator, on_fault: Callable[[BaseException], None]) -> Starlette:
    """``on_fault``: told if the emulator's work in the background ends by an error, which is a bug of it."""
    key = emulator.settings.api_key

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        work = asyncio.create_task(emulator.run())
        work.add_done_callback(lambda ended: _report(ended, on_fault))
        try:
            yield
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError, ExceptionGroup):
                await work

    async def jwks(_request: Request) -> Response:
        return Json(emulator.keys.jwks(), headers={"cache-control": "public, max-age=300"})

    return Starlette(
        routes=[
            Route("/.well-known/jwks.json", jwks),
            Mount("/emulator", routes=http_admin.routes(emulator)),
            *_versioned("", _api(emulator), Middleware(ApiKey, key, None)),
            *_versioned("/upload", http_files.upload_routes(emulator), Middleware(ApiKey, key, UPLOAD_ID)),
        ],
        exception_handlers={GoogleError: _google_error, HTTPException: _http_error},
        lifespan=lifespan,
    )


class ApiKey:
    """Requires what identifies a caller, in the header or the query; any key will do unless one is set. ``instead``:
    a parameter of the query that stands for it, as it is as hard to guess.
    """

    def __init__(self, app: ASGIApp, expected: str | None, instead: str | None) -> None:
        self._app = app
        self._expected = expected
        self._instead = instead

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises PermissionDeniedError without a key, InvalidArgumentError with a wrong one: both as Google does."""
        request = Request(scope)
        if self._instead in request.query_params:
            await self._app(scope, receive, send)
            return
        given = request.headers.get("x-goog-api-key") or request.query_params.get("key")
        if not given:
            raise PermissionDeniedError(_NO_KEY)
        if self._expected is not None and not hmac.compare_digest(given.encode(), self._expected.encode()):
            raise InvalidArgumentError("API key not valid. Please pass a valid API key.")
        await self._app(scope, receive, send)


def _api(emulator: Emulator) -> list[BaseRoute]:
    parts = (http_webhooks, http_batches, http_interactions, http_models, http_files)
    return [route for part in parts for route in part.routes(emulator)]


def _versioned(prefix: str, routes: Sequence[BaseRoute], guard: Middleware) -> list[Mount]:
    return [Mount(f"{prefix}/{version}", routes=routes, middleware=[guard]) for version in ("v1", "v1beta")]


async def _google_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, GoogleError)
    return Json(error.body(), status_code=error.code)


async def _http_error(request: Request, error: Exception) -> Response:
    """No such path, or not with this method."""
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}"
    status = _STATUSES.get(error.status_code, "UNKNOWN")
    return Json({"error": {"code": error.status_code, "message": message, "status": status}}, error.status_code)


def _report(ended: asyncio.Task[None], on_fault: Callable[[BaseException], None]) -> None:
    fault = None if ended.cancelled() else ended.exception()
    if fault is not None:
        _log.error("the emulator's work has ended", exc_info=fault)
        on_fault(fault)
