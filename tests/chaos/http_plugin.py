"""A destination of type ``chaos-http``, as somebody's plugin would be: it posts what it gets, signed."""

from datetime import UTC, datetime, timedelta

import aiohttp
from pydantic import Field
from standardwebhooks import Webhook

from connectors.api import (
    BadRecordError,
    Delivery,
    DestinationConfig,
    DestinationDownError,
    EachDestination,
    Effect,
    RetryableError,
    ThrottledError,
)


class ChaosHttpConfig(DestinationConfig):
    url: str = Field(description="Where to post to.")
    secret: str = Field(description="What to sign with.")


class ChaosHttp(EachDestination[ChaosHttpConfig]):
    name = "chaos-http"
    config_model = ChaosHttpConfig
    effect = Effect.NOTIFY

    async def open(self) -> None:
        self._session = self.context.http.session(timeout=timedelta(minutes=5))

    async def close(self) -> None:
        await self._session.close()

    async def deliver_one(self, delivery: Delivery) -> None:
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery.key.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.config.secret).sign(delivery.key.id, now, delivery.body.decode()),
        }
        try:
            async with self._session.post(self.config.url, data=delivery.body, headers=headers) as answer:
                status = answer.status
                await answer.read()
        except aiohttp.ClientConnectorError as error:
            raise DestinationDownError(str(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise RetryableError(repr(error)) from error
        if status == 429:
            raise ThrottledError("429", timedelta(seconds=1))
        if status >= 500:
            raise RetryableError(f"{status}")
        if status >= 300:
            raise BadRecordError(f"{status}")
