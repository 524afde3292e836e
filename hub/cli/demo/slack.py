"""A Slack-compatible endpoint for the demo: takes an incoming webhook's POST, and keeps the messages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from aiohttp import web

PATH = "/services/T00000000/B00000000/demo"


@dataclass
class SlackEndpoint:
    """``url`` is what a Slack app's "Incoming Webhooks" page would show; ``messages`` the texts it was sent."""

    url: str = ""
    messages: list[str] = field(default_factory=list)

    async def receive(self, request: web.Request) -> web.Response:
        """Answer as Slack documents it: ``ok``, or 400 with ``invalid_payload`` or ``no_text``."""
        try:
            payload = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            return web.Response(status=400, text="invalid_payload")
        text = payload.get("text") if isinstance(payload, dict) else None
        if not text:
            return web.Response(status=400, text="no_text")
        self.messages.append(str(text))
        return web.Response(text="ok")


@asynccontextmanager
async def slack_endpoint() -> AsyncIterator[SlackEndpoint]:
    """Serve one on a free port of the loopback interface."""
    endpoint = SlackEndpoint()
    application = web.Application()
    application.router.add_post(PATH, endpoint.receive)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        endpoint.url = f"http://{host}:{port}{PATH}"
        yield endpoint
    finally:
        await runner.cleanup()
