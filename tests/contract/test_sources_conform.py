"""The built-in sources keep the contract that every plugin's have to keep."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from connectors.api import Source
from connectors.sources.gemini import GeminiDynamicSource, GeminiSource
from connectors.sources.github import GithubSource
from connectors.sources.standard_webhooks import StandardWebhooksSource
from connectors.testing import source_suite
from tests.fixtures.asymmetric import ED25519, key_set

_STANDARD = ("webhook-id", "webhook-timestamp", "webhook-signature")
_SECRETS = ["whsec_NnZ2aTU5MzdqOXY2bXFwZjgzb2R2cXM1Y3B6cTlyMnM=", "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="]


class _KeyServer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(key_set(ED25519.jwk))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def jwks_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _KeyServer) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        server.shutdown()
        thread.join()


def _sign_v1a(_: Source[Any], body: bytes, now: datetime) -> Mapping[str, str]:
    return ED25519.headers(body, now)


TestGemini = source_suite(GeminiSource, config={"secrets": _SECRETS}, security_headers=_STANDARD)
TestGeminiDynamic = source_suite(
    GeminiDynamicSource,
    config=lambda request: {"jwks_url": request.getfixturevalue("jwks_url")},
    security_headers=_STANDARD,
    sign=_sign_v1a,
)
TestGithub = source_suite(
    GithubSource, config={"secrets": ["first-of-two", "second-of-two"]}, security_headers=("x-hub-signature-256",)
)
TestStandardWebhooks = source_suite(StandardWebhooksSource, config={"secrets": _SECRETS}, security_headers=_STANDARD)
