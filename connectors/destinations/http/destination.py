"""The destination: one request per delivery, and its answer's status as the outcome."""

import asyncio
import contextlib

import aiohttp

from connectors.api import Context, Delivery, DestinationDownError, EachDestination, Effect
from connectors.destinations.http.config import HttpConfig, HttpOptions, basic_authorization, parsed_url
from connectors.destinations.http.errors import FOREIGN, answer_error, transport_error
from connectors.destinations.http.exchange import exchange
from connectors.destinations.http.masking import Mask
from connectors.destinations.http.request import RequestFactory

_CLOSE_TIMEOUT_S = 2.0


class HttpDestination(EachDestination[HttpConfig, HttpOptions]):
    """Sends each event to one URL: its bytes as they came, with its CloudEvents attributes as headers, signed with
    Standard Webhooks. Another hub takes it in with a source of type ``standard_webhooks``.

    ``webhook-id`` is the delivery's id, equal on every attempt, redrive and replay, so that the receiver can tell a
    repeat (``.`` in it is written ``%2E``; over 500 characters it is ``sha256:`` and the id's digest).

    Any 2xx is delivered; what else an answer may say afterwards is not waited for. 413 and 431 (too large) are the
    record's fault. 429, and 503 with ``Retry-After``, pause the destination as long as asked, between a second and
    an hour. 410 pauses it until a person resumes it. Redirects are not followed. 401, 403, 405, 503 and no
    connection mean that it is down. Everything else is tried again.

    The effect is ``notify``, since nobody here knows what the receiver does with a request: if it sends mail or
    moves money, a replay must have been asked for by name.
    """

    name = "http"
    config_model = HttpConfig
    options_model = HttpOptions
    effect = Effect.NOTIFY

    def __init__(self, config: HttpConfig, context: Context) -> None:
        super().__init__(config, context)
        self._url = parsed_url(config.url)
        self._requests = RequestFactory(config)
        self._mask = _mask(config)
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Sends nothing: an endpoint can only be tried with an event."""
        await self.close()
        self._session = self.context.http.session(timeout=self.config.request_timeout)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await session.close()

    async def deliver_one(self, delivery: Delivery[HttpOptions]) -> None:
        if self._session is None:
            raise DestinationDownError("the destination is not open")
        now = self.context.clock()
        request = self._requests.prepare(delivery, now)
        try:
            answer = await exchange(self._session, request)
        except FOREIGN as error:
            # No cause: the texts of aiohttp's errors have the URL in them, which may be a secret.
            raise transport_error(error) from None
        if not answer.accepted:
            raise answer_error(answer, self._url, self._mask, now)


def _mask(config: HttpConfig) -> Mask:
    url = parsed_url(config.url)
    secrets = [url.raw_path_qs, url.user or "", url.password or "", basic_authorization(url) or ""]
    secrets += [secret.get_secret_value() for secret in (*(config.secrets or ()), *config.headers.values())]
    return Mask(*secrets)
