"""The destination: a text made of the event, posted once per delivery."""

import asyncio
import contextlib
from collections.abc import Awaitable
from datetime import timedelta

import aiohttp

from connectors.api import (
    BadRecordError,
    Context,
    Delivery,
    DeliveryError,
    DestinationDownError,
    EachDestination,
    Effect,
)
from connectors.destinations.slack.config import SlackConfig, SlackOptions
from connectors.destinations.slack.errors import transport_error
from connectors.destinations.slack.posting import IncomingWebhook, Poster, WebApi
from connectors.destinations.slack.text import escaped, shortened

_REQUEST_TIMEOUT = timedelta(seconds=10)
_CLOSE_TIMEOUT_S = 2.0


class SlackDestination(EachDestination[SlackConfig, SlackOptions]):
    """Posts by an incoming webhook or by ``chat.postMessage``. Slack's SDK retries nothing here; the hub does."""

    name = "slack"
    config_model = SlackConfig
    options_model = SlackOptions
    effect = Effect.NOTIFY

    def __init__(self, config: SlackConfig, context: Context) -> None:
        super().__init__(config, context)
        self._session: aiohttp.ClientSession | None = None
        self._poster: Poster | None = None

    @classmethod
    def escape(cls, text: str) -> str:
        return escaped(text)

    async def open(self) -> None:
        await self.close()
        self._session = self.context.http.session(timeout=_REQUEST_TIMEOUT)
        self._poster = self._way_in(self._session)
        try:
            await _translated(self._poster.check())
        except DestinationDownError:
            raise
        except DeliveryError as error:
            raise DestinationDownError(str(error)) from error

    async def close(self) -> None:
        session, self._session, self._poster = self._session, None, None
        if session is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await session.close()

    async def deliver_one(self, delivery: Delivery[SlackOptions]) -> None:
        if self._poster is None:
            raise DestinationDownError("Slack is not open")
        template = delivery.options.text or self.config.text
        text = shortened(template.render(delivery.document, self.escape))
        if not text.strip():
            raise BadRecordError(f"the message is empty: {template.source!r} gives nothing for this event")
        channel = delivery.options.channel or self.config.channel
        await _translated(self._poster.post(text, channel.render(delivery.document) if channel else None))

    def _way_in(self, session: aiohttp.ClientSession) -> Poster:
        if self.config.webhook_url is not None:
            return IncomingWebhook(self.config.webhook_url.get_secret_value(), session)
        assert self.config.token is not None
        return WebApi(self.config.api_url, self.config.token.get_secret_value(), session)


async def _translated(call: Awaitable[None]) -> None:
    try:
        await call
    except DeliveryError:
        raise
    except Exception as error:  # noqa: BLE001 -- the SDK stumbles in many ways over an answer that is not Slack's
        # No cause: the texts of aiohttp's errors have the URL in them, which is a webhook's secret.
        raise transport_error(error) from None
