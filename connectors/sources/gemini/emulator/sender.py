"""One attempt: signs anew with the time of now, posts, and says what came of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sources.gemini.emulator.clock import Clock
from connectors.sources.gemini.emulator.faults import Fault
from connectors.sources.gemini.emulator.keys import SigningKeys
from connectors.sources.gemini.emulator.records import Attempt, Delivery
from connectors.sources.gemini.emulator.settings import Settings
from connectors.sources.gemini.emulator.signing import new_key, sign_jwt, sign_v1, sign_v1a, spoil
from connectors.sources.gemini.emulator.webhooks import Webhooks, new_secret

STALE = 600
"""Seconds by which a stale timestamp is too old: twice what receivers tolerate."""
_KEPT = 500  # bytes of a refusal


@dataclass(frozen=True, slots=True)
class Answer:
    """``retry_after``: seconds that the receiver asked for."""

    attempt: Attempt
    retry_after: float | None = None


class Sender:
    """Attempts may run concurrently."""

    def __init__(
        self, session: aiohttp.ClientSession, clock: Clock, webhooks: Webhooks, keys: SigningKeys, settings: Settings
    ) -> None:
        self._session = session
        self._clock = clock
        self._webhooks = webhooks
        self._keys = keys
        self._settings = settings

    async def attempt(self, delivery: Delivery, fault: Fault | None) -> Answer:
        """Never raises for what the receiver does: no answer is an answer, too."""
        at = self._clock.wall()
        started = asyncio.get_running_loop().time()
        status: int | None = None
        refusal: str | None = None
        error: str | None = None
        retry_after: float | None = None
        body = delivery.body.encode()
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            **self._headers(delivery, body, fault),
        }
        try:
            async with self._session.post(
                delivery.uri, data=self._content(body, fault), headers=headers, allow_redirects=False
            ) as response:
                status = response.status
                retry_after = seconds_of(response.headers.get("retry-after"), self._clock.wall())
                if not response.ok:
                    refusal = (await response.content.read(_KEPT)).decode(errors="replace")
        except TimeoutError:
            error = f"no answer within {self._settings.timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as failure:  # ValueError: a URI that aiohttp cannot read
            error = f"{type(failure).__name__}: {failure}"
        seconds = asyncio.get_running_loop().time() - started
        attempt = Attempt(at=at, seconds=seconds, status=status, answer=refusal, error=error, fault=fault)
        return Answer(attempt, retry_after)

    def _headers(self, delivery: Delivery, body: bytes, fault: Fault | None) -> Mapping[str, str]:
        timestamp = int(self._clock.wall()) - (STALE if fault is Fault.STALE_TIMESTAMP else 0)
        signature = self._signature(delivery, timestamp, body, unknown_key=fault is Fault.WRONG_KEY)
        return {
            "webhook-id": delivery.message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": spoil(signature) if fault is Fault.WRONG_SIGNATURE else signature,
        }

    def _signature(self, delivery: Delivery, timestamp: int, body: bytes, *, unknown_key: bool) -> str:
        if delivery.webhook is not None:
            webhook = self._webhooks.find(delivery.webhook)
            known = [secret.value for secret in webhook.secrets] if webhook else []
            return sign_v1([new_secret()] if unknown_key else known, delivery.message_id, timestamp, body)
        kid, key = self._keys.current()
        if unknown_key:
            kid, key = f"unknown-{kid}", new_key(self._settings.signature)
        if isinstance(key, Ed25519PrivateKey):
            return sign_v1a(key, delivery.message_id, timestamp, body)
        return sign_jwt(key, kid, delivery.message_id, timestamp, body, audience=self._settings.audience)

    def _content(self, body: bytes, fault: Fault | None) -> bytes | AsyncIterator[bytes]:
        return self._halting(body) if fault is Fault.SLOW else body

    async def _halting(self, body: bytes) -> AsyncIterator[bytes]:
        half = len(body) // 2
        yield body[:half]
        await asyncio.sleep(self._settings.slow_for)
        yield body[half:]


def seconds_of(retry_after: str | None, now: float) -> float | None:
    """A Retry-After header, in seconds or as a date; None where it is neither."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)
