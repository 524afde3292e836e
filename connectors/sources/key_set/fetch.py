"""One request for a JWK Set: conditional, guarded against addresses inside, and bounded."""

from dataclasses import dataclass
from datetime import timedelta

import aiohttp

from connectors.api import OutgoingHttp
from connectors.sources.key_set.freshness import lifetime
from connectors.sources.key_set.keys import KeySet, UnusableKeySetError, read_key_set

MOST_BYTES = 256_000
TIMEOUT = timedelta(seconds=5)
_LONGEST_ETAG = 256
_NOT_MODIFIED = 304


class KeyServerError(Exception):
    """The keys cannot be had right now. The message is for the hub's log."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``keys`` None: they are the ones of the ``etag`` that was given. ``lifetime`` is in seconds."""

    keys: KeySet | None
    etag: str | None
    lifetime: float


class KeySetEndpoint:
    """The URL that is pinned in the configuration. No redirect is followed, so that it stays this one."""

    def __init__(self, url: str, http: OutgoingHttp, timeout: timedelta = TIMEOUT) -> None:
        self.url = url
        self._http = http
        self._timeout = timeout

    async def fetch(self, etag: str | None) -> Answer:
        """Ask once. ``etag`` is that of the last answer, if its keys are still known.

        Raises:
            KeyServerError: no connection, another status than 200 (or 304), too slow, too large, or no key set.
        """
        headers = {"Accept": "application/jwk-set+json, application/json"}
        if etag is not None:
            headers["If-None-Match"] = etag
        try:
            async with (
                self._http.session(timeout=self._timeout) as session,
                session.get(self.url, headers=headers) as response,
            ):
                return await _read(response, etag)
        except TimeoutError:
            raise KeyServerError(f"no answer within {self._timeout.total_seconds():g} s") from None
        except UnusableKeySetError as error:
            raise KeyServerError(f"the key server {error}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: a URL aiohttp cannot call
            raise KeyServerError(str(error) or type(error).__name__) from error


async def _read(response: aiohttp.ClientResponse, asked: str | None) -> Answer:
    if response.status == _NOT_MODIFIED and asked is not None:
        return Answer(None, asked, lifetime(response.headers))
    if response.status != 200:
        raise KeyServerError(f"the key server answered {response.status}")
    document = bytearray()
    async for chunk in response.content.iter_chunked(65_536):  # decompressed, so a small answer cannot become huge
        document += chunk
        if len(document) > MOST_BYTES:
            raise KeyServerError(f"the key server answered more than {MOST_BYTES} bytes")
    etag = response.headers.get("ETag")
    kept = etag if etag is not None and len(etag) <= _LONGEST_ETAG else None
    return Answer(read_key_set(bytes(document)), kept, lifetime(response.headers))
