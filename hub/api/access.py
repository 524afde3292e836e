"""Who may ask: with a token whoever has it, without one only this machine, by its own names.

The second keeps out web pages that a browser on this machine shows: one whose host name is pointed at 127.0.0.1 (DNS
rebinding) still says that name in ``Host``.
"""

import hmac
import re

from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api.answers import ApiError, error_answer

OPEN = frozenset({"/healthz", "/readyz"})
"""For probes, which know no token and no name; they tell nothing."""

_LOOPBACK = re.compile(r"(localhost|127(?:\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)
_NO_TOKEN = ApiError(
    401, "unauthorized", "send the hub's token as `Authorization: Bearer …` (HUB_TOKEN)", {"www-authenticate": "Bearer"}
)
_FOREIGN_HOST = ApiError(
    403, "foreign-host", "this address is for this machine only; set HUB_TOKEN to allow others, or use http://localhost"
)


class Guard:
    """Around the whole application. ``token`` None: no token is asked for."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._expected = None if token is None else f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN:
            refused = self._refused(dict(scope["headers"]))
            if refused is not None:
                await error_answer(refused)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refused(self, headers: dict[bytes, bytes]) -> ApiError | None:
        if self._expected is None:
            host = headers.get(b"host", b"").decode("latin-1")
            return None if _LOOPBACK.fullmatch(host) else _FOREIGN_HOST
        given = headers.get(b"authorization", b"")
        return None if hmac.compare_digest(given, self._expected) else _NO_TOKEN
