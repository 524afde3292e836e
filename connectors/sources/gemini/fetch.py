"""GET requests to the Gemini API, within a size, and what its refusals mean for the delivery that needs the answer."""

from datetime import timedelta

import aiohttp
from yarl import URL

from connectors.errors import BadRecordError, DeliveryError, DestinationDownError, RetryableError, ThrottledError

_PAUSE = timedelta(seconds=30)
"""How long 429 without Retry-After is waited for."""
_LONGEST_PAUSE = timedelta(hours=1)
_MOST_REDIRECTS = 3
_GONE = {404, 410}
_PERHAPS_THE_KEY = {400, 401, 403}


class GeminiGet:
    """``root`` is the API's URL with its version; ``max_size`` in bytes of one answer."""

    def __init__(self, session: aiohttp.ClientSession, root: str, max_size: int) -> None:
        self._session = session
        self._root = root
        self._max_size = max_size

    async def read(self, path: str) -> bytes:
        """The body of a successful answer. ``path`` is below the version, and may have a query.

        Raises:
            BadRecordError: it is gone, belongs to another account, or is too large.
            RetryableError, ThrottledError: the API failed, or asks for less.
            DestinationDownError: the API cannot be reached, or does not take the key.
        """
        try:
            return await self._read(path)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise DestinationDownError(f"the Gemini API cannot be reached: {error}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RetryableError(f"the Gemini API broke off its answer: {type(error).__name__}") from error

    async def _read(self, path: str) -> bytes:
        url = URL(f"{self._root}/{path}", encoded=True)
        for _ in range(_MOST_REDIRECTS + 1):
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status == 200:
                    return await self._body(response, path)
                if not 300 <= response.status < 400:
                    raise await self._refusal(response, path)
                target = url.join(URL(response.headers.get("Location", "")))
            # The key goes along with each request: nobody else may get it.
            if target.origin() != url.origin():
                raise RetryableError(f"{path} leads to {target.host}, which is not followed")
            url = target
        raise RetryableError(f"{path} leads on and on")

    async def _body(self, response: aiohttp.ClientResponse, path: str) -> bytes:
        """Counted as it comes: neither the announced length nor that of compressed bytes says what it takes here."""
        if (response.content_length or 0) > self._max_size:
            raise self._too_large(path)
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._max_size:
                raise self._too_large(path)
        return bytes(body)

    def _too_large(self, path: str) -> BadRecordError:
        return BadRecordError(
            f"{path.partition('?')[0]} is larger than {self._max_size} bytes; raise `enrichments.max_result`, redrive"
        )

    async def _refusal(self, response: aiohttp.ClientResponse, path: str) -> DeliveryError:
        status, name = response.status, path.partition("?")[0]
        said = f"the Gemini API answered {status} for {name}"
        if status in _GONE:
            return BadRecordError(f"{name} is gone at the sender, deleted or expired ({status})")
        if status == 429:
            return ThrottledError(said, _wait(response) or _PAUSE)
        if status not in _PERHAPS_THE_KEY:
            return RetryableError(said, _wait(response))
        if await self._takes_the_key():
            return BadRecordError(f"{said}: it is gone, or belongs to another account")
        return DestinationDownError(f"{said}, and takes this key for nothing else; check `api_key` (GEMINI_API_KEY)")

    async def _takes_the_key(self) -> bool:
        """Google answers 403 both for a key that is refused and for a file that is gone or another's. With a question
        that every key may ask it shows which.
        """
        async with self._session.get(f"{self._root}/models?pageSize=1", allow_redirects=False) as response:
            return response.status not in _PERHAPS_THE_KEY


def _wait(response: aiohttp.ClientResponse) -> timedelta | None:
    written = response.headers.get("Retry-After", "").strip()
    if not written.isascii() or not written.isdigit():
        return None
    return min(timedelta(seconds=int(written[:9])), _LONGEST_PAUSE)
