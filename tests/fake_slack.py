"""A Slack-compatible endpoint: incoming webhooks and the two methods of the Web API that the hub calls.

It checks what Slack checks and answers as Slack does, errors and their form included, so that ``slack_sdk`` drives it
as it drives Slack. Run it alone with ``python -m tests.fake_slack PORT``: it prints what it accepts.
"""

import asyncio
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from aiohttp import web

WEBHOOK_PATH = "/services/T0000/B0000/only-the-sender-knows-this"
TOKEN = "xoxb-1234-only-the-bot-knows-this"
_MAX_TEXT = 40_000


@dataclass(frozen=True, slots=True)
class Message:
    """One accepted message, and whether it came in by ``webhook`` or ``api``."""

    way: str
    text: str
    channel: str | None
    payload: dict[str, Any]


@dataclass
class FakeSlack:
    """``async with FakeSlack() as slack``. ``messages`` was accepted; ``answers`` are given first, once each."""

    port: int = 0
    channels: frozenset[str] = frozenset({"C0123456789", "#alerts"})
    echo: bool = False
    messages: list[Message] = field(default_factory=list)
    requests: int = 0
    answers: deque[web.Response] = field(default_factory=deque)
    hang: asyncio.Event | None = None
    _runner: web.AppRunner | None = None

    @property
    def webhook_url(self) -> str:
        return f"http://127.0.0.1:{self.port}{WEBHOOK_PATH}"

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1_000_000, middlewares=[self._scripted])
        app.router.add_post("/services/{path:.*}", self._webhook)
        app.router.add_post("/api/auth.test", self._auth_test)
        app.router.add_post("/api/chat.postMessage", self._post_message)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        if self.hang is not None:
            self.hang.set()
        await self._runner.cleanup()

    def accept(self, message: Message) -> None:
        self.messages.append(message)
        if self.echo:
            sys.stdout.write(f"slack {message.channel or 'webhook'}: {message.text}\n")
            sys.stdout.flush()

    @web.middleware
    async def _scripted(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests += 1
        if self.hang is not None:
            await self.hang.wait()
        if self.answers:
            return self.answers.popleft()
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _webhook(self, request: web.Request) -> web.Response:
        if request.path != WEBHOOK_PATH:
            return web.Response(status=404, text="no_service")
        payload = _parsed(await request.read())
        if not isinstance(payload, dict):
            return web.Response(status=400, text="invalid_payload")
        text = payload.get("text")
        if not isinstance(text, str) or not text:
            return web.Response(status=400, text="no_text")
        self.accept(Message("webhook", text, payload.get("channel"), payload))
        return web.Response(text="ok")

    async def _auth_test(self, request: web.Request) -> web.Response:
        return _refused_token(request) or web.json_response({"ok": True, "team_id": "T0000", "bot_id": "B0000"})

    async def _post_message(self, request: web.Request) -> web.Response:
        if refusal := _refused_token(request):
            return refusal
        is_json = request.content_type == "application/json"
        payload = _parsed(await request.read()) if is_json else dict(await request.post())
        if not isinstance(payload, dict):
            return _error("json_not_object" if is_json else "invalid_form_data")
        channel, text = payload.get("channel"), payload.get("text")
        if channel not in self.channels:
            return _error("channel_not_found")
        if not isinstance(text, str) or not text:
            return _error("no_text")
        if len(text) > _MAX_TEXT:
            return _error("msg_too_long")
        self.accept(Message("api", text, channel, payload))
        return web.json_response(
            {"ok": True, "channel": channel, "ts": f"{len(self.messages)}.000000", "message": {"text": text}}
        )


def _refused_token(request: web.Request) -> web.Response | None:
    authorization = request.headers.get("Authorization")
    if authorization is None:
        return _error("not_authed")
    return None if authorization == f"Bearer {TOKEN}" else _error("invalid_auth")


def _error(code: str) -> web.Response:
    return web.json_response({"ok": False, "error": code})


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


async def _serve(port: int) -> None:
    async with FakeSlack(port=port, echo=True) as slack:
        sys.stdout.write(f"webhook_url {slack.webhook_url}\napi_url {slack.api_url} token {TOKEN}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
