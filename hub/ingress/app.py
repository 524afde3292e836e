"""The ingress as a Starlette application: everything that handles a request is in the expression in `create_app`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from connectors.context import utc_now
from hub.ingress.event_log import EventLog, State
from hub.ingress.inlets import Inlets
from hub.ingress.intake import Intake
from hub.ingress.limits import DEFAULT, Limits
from hub.ingress.refusal import ANSWERS, RefusedError, respond

_log = logging.getLogger(__name__)


def create_app(
    inlets: Inlets,
    log: EventLog,
    *,
    limits: Limits = DEFAULT,
    durability: Mapping[str, object] | None = None,
    clock: Callable[[], datetime] = utc_now,
    on_fault: Callable[[Exception], None] | None = None,
    on_ready: Callable[[], None] = lambda: None,
    beside: Callable[[], Awaitable[None]] | None = None,
) -> Starlette:
    """Build the application; its lifespan opens the sources and connects the log.

    ``durability`` is shown by ``/readyz``. ``on_fault`` is
    called when the log can never be used as configured (a topic with another number of partitions), ``on_ready`` when
    it can be. ``beside`` is awaited from then on, until the application ends; what it raises is a fault, too.
    """

    async def readyz(_: Request) -> Response:
        ready = log.state is State.READY
        content = {"status": log.state, "durability": dict(durability or {})}
        return JSONResponse(content, 200 if ready else 503, {} if ready else {"retry-after": "5"})

    app = Starlette(
        middleware=[Middleware(Intake, inlets, log, limits, clock)],
        routes=[
            Route("/healthz", _healthz),
            Route("/readyz", readyz),
        ],
        exception_handlers=dict.fromkeys((RefusedError, *ANSWERS), respond),
        lifespan=lambda _: _running(inlets, partial(_work, log, on_fault, on_ready, beside), log),
    )
    app.router.redirect_slashes = False  # a sender that follows a redirect may drop the body
    return app


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


@asynccontextmanager
async def _running(inlets: Inlets, work: Callable[[], Coroutine[Any, Any, None]], log: EventLog) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(inlets.running())
        stack.push_async_callback(log.close)
        working = asyncio.create_task(work(), name="connect the log")
        try:
            yield
        finally:
            working.cancel()
            await asyncio.wait([working])


async def _work(
    log: EventLog,
    on_fault: Callable[[Exception], None] | None,
    on_ready: Callable[[], None],
    beside: Callable[[], Awaitable[None]] | None,
) -> None:
    try:
        await log.connect()
        on_ready()
        if beside is not None:
            await beside()
    except Exception as error:  # noqa: BLE001  (whoever runs the application cannot see this task)
        _log.error("the log cannot be used", extra={"error": str(error)})
        if on_fault is not None:
            on_fault(error)
