"""The receivers at the far end: an HTTP endpoint that verifies signatures, and Slack. Both keep what they accepted, and
refuse for a while when told to.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from tests.chaos.events import SECRET
from tests.fake_slack import FakeSlack, Message

_RETRY_AFTER = {"retry-after": "1"}


@dataclass(frozen=True, slots=True)
class Receipt:
    """Something that was accepted. ``number`` tells which event, ``delivery`` is the id it came under, where the
    destination is told one; ``at`` is seconds since 1970.
    """

    number: int
    event_id: str
    at: float
    delivery: str | None = None
    digest: str | None = None


@dataclass
class HttpEndpoint:
    """``async with HttpEndpoint() as endpoint``. Bodies with ``data.refuse`` are refused for good (413), numbers in
    ``stumble_over`` once (500).

    ``hold`` is asked about every request that is otherwise fine, and keeps it waiting for ``release``; it counts only
    if its sender still waits by then.
    """

    port: int = 0
    receipts: list[Receipt] = field(default_factory=list)
    unsigned: list[str] = field(default_factory=list)
    refused: int = 0
    stumble_over: set[int] = field(default_factory=set)
    hold: Callable[[Receipt], bool] | None = None
    held: list[Receipt] = field(default_factory=list)
    _status: int | None = None
    _release: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2_000_000)
        app.router.add_post("/hooks", self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        self.release()
        await self._runner.cleanup()

    @contextmanager
    def answering(self, status: int) -> Iterator[None]:
        """Answer everything with that status inside the block."""
        self._status = status
        try:
            yield
        finally:
            self._status = None

    def release(self) -> None:
        """Hold nothing any more; what was held is accepted now, if somebody still waits for it."""
        self.hold = None
        self._release.set()

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            Webhook(SECRET).verify(body, dict(request.headers))
        except WebhookVerificationError as error:
            self.unsigned.append(str(error))
            return web.Response(status=401)
        if self._status is not None:
            self.refused += 1
            return web.Response(status=self._status, headers=_RETRY_AFTER if self._status == 429 else None)
        data = orjson.loads(body)["data"]
        if data.get("refuse"):
            return web.Response(status=413)
        if data["n"] in self.stumble_over:
            self.stumble_over.remove(data["n"])
            return web.Response(status=500)
        delivery, digest = request.headers["webhook-id"], hashlib.sha256(body).hexdigest()
        receipt = Receipt(data["n"], data["event"], time.time(), delivery, digest)
        if self.hold is not None and self.hold(receipt):
            self.held.append(receipt)
            await self._release.wait()
            if request.transport is None:  # its sender died
                return web.Response(status=503)
        self.receipts.append(Receipt(data["n"], data["event"], time.time(), delivery, digest))
        return web.Response(status=204)


@dataclass
class SlackEndpoint(FakeSlack):
    """The same contract, with receipts: its messages are ``<event id> <number>``."""

    receipts: list[Receipt] = field(default_factory=list)
    refused: int = 0
    _status: int | None = None

    @contextmanager
    def answering(self, status: int) -> Iterator[None]:
        """Answer everything with that status inside the block, as Slack words it."""
        self._status = status
        try:
            yield
        finally:
            self._status = None

    def accept(self, message: Message) -> None:
        event_id, number = message.text.split()
        self.receipts.append(Receipt(int(number), event_id, time.time()))

    @web.middleware
    async def _scripted(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self._status is not None:
            self.refused += 1
            text = "rate_limited" if self._status == 429 else "internal_error"
            return web.Response(status=self._status, text=text, headers=_RETRY_AFTER if self._status == 429 else None)
        answer: web.StreamResponse = await handler(request)
        return answer
