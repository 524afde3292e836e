"""The two ways into Slack, through its own SDK. What differs between them is here, and nothing else."""

import logging
from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from connectors.api import BadRecordError, RetryableError
from connectors.destinations.slack.errors import WEB_API, WEBHOOK, answer_error

# Bare names and addresses in event text become neither mentions nor links, and nothing is fetched for a preview.
_PLAIN: Mapping[str, Any] = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}

# At DEBUG the SDK logs webhook URLs and messages.
_SILENT = logging.Logger("slack_sdk", logging.CRITICAL)  # noqa: LOG001 -- no configuration can reach it and make it talk


class Poster(Protocol):
    """Raises DeliveryError for an answer that is not success, and whatever aiohttp raises where there is none."""

    async def check(self) -> None:
        """Find out whether messages would be accepted, as far as that is possible without sending one."""

    async def post(self, text: str, channel: str | None) -> None:
        """Return when Slack has accepted the message."""


class IncomingWebhook:
    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._client = AsyncWebhookClient(url, session=session, logger=_SILENT, retry_handlers=[])
        self._client.proxy = None  # the SDK takes HTTPS_PROXY, past which the session cannot see

    async def check(self) -> None:
        """A webhook can only be tried by sending."""

    async def post(self, text: str, channel: str | None) -> None:
        message = {**_PLAIN, "text": text, "channel": channel}
        answer = await self._client.send_dict({name: value for name, value in message.items() if value is not None})
        if answer.status_code != 200:
            raise answer_error(answer.status_code, answer.body.strip(), answer.headers, WEBHOOK)


class WebApi:
    def __init__(self, api_url: str, token: str, session: aiohttp.ClientSession) -> None:
        self._client = AsyncWebClient(token, api_url, session=session, logger=_SILENT, retry_handlers=[])
        self._client.proxy = None

    async def check(self) -> None:
        await self._call("auth.test", {})

    async def post(self, text: str, channel: str | None) -> None:
        if not channel:
            raise BadRecordError("no channel to post to; set channel on the destination, or in the route's with")
        await self._call("chat.postMessage", {**_PLAIN, "text": text, "channel": channel})

    async def _call(self, method: str, arguments: Mapping[str, Any]) -> None:
        try:
            answer = await self._client.api_call(method, json=dict(arguments))
        except SlackApiError as error:
            refusal = error.response
            # The SDK attaches aiohttp's response where the body was no JSON, its own otherwise.
            status = refusal.status if isinstance(refusal, aiohttp.ClientResponse) else refusal.status_code
            data = {} if isinstance(refusal, aiohttp.ClientResponse) else refusal.data
            code = data.get("error") if isinstance(data, Mapping) else None
            raise answer_error(status, str(code), refusal.headers, WEB_API) from None
        if isinstance(answer.data, bytes):  # the SDK takes any gzip for a download that succeeded
            raise RetryableError(f"Slack answered {method} with a file")
