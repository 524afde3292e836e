"""What a proxy in front of the ingress says about the sender: its address, and the scheme and host it used.

Only proxies that are named are believed; from anybody else ``X-Forwarded-*`` are headers like others. Sources that sign
their URL depend on it: the URL they signed is the one outside the proxy.
"""

import re

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

FORWARDED_HOST = "hub.forwarded_host"
"""Key of the ASGI scope: the host that the sender addressed, as its proxy says; absent where none said."""

_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,260}")


def believing(proxies: str, app: Starlette) -> ASGIApp:
    """The application behind ``proxies`` (addresses or networks, comma-separated, ``*`` for all; none if empty)."""
    return _Forwarded(app, proxies) if proxies else app


class _Forwarded:
    """uvicorn's middleware, which takes address and scheme, and before it, while the peer is known, the host."""

    def __init__(self, app: ASGIApp, proxies: str) -> None:
        self._inner = ProxyHeadersMiddleware(app, proxies)  # type: ignore[arg-type]  # its own names for ASGI's types
        self._trusted = self._inner.trusted_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("client") and scope["client"][0] in self._trusted:
            said = [value for name, value in scope["headers"] if name == b"x-forwarded-host"]
            if said:
                # The last: what the proxy next to us says. Those before may be the sender's own invention.
                host = said[-1].decode("latin-1").rpartition(",")[2].strip()
                if _HOST.fullmatch(host):
                    scope[FORWARDED_HOST] = host
        await self._inner(scope, receive, send)  # type: ignore[arg-type]  # as above
