"""Registered webhooks of the Gemini API (WebhookService), by the official client."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from connectors.registration import Registration, SenderApiError, SigningSecret
from connectors.sources.gemini.account import GeminiAccount

if TYPE_CHECKING:
    from google import genai
    from google.genai.webhooks import Webhook

SUBSCRIBABLE = (
    "batch.succeeded",
    "batch.expired",
    "batch.failed",
    "interaction.requires_action",
    "interaction.completed",
    "interaction.failed",
    "video.generated",
)
"""What the client (3.6) lists. ``*.cancelled`` is in Google's catalogue of events, but was taken out of this list."""

_PAGE = 100
_MOST_PAGES = 100
_ENABLED = "enabled"
_NAME = "event-hub"
_UNKNOWN = datetime.max.replace(tzinfo=UTC)


class GeminiWebhooks:
    """One method per call; each raises SenderApiError. Calls with an effect are made once, whatever the answer: the
    API knows no idempotency keys, so that a repeated `create` may leave two webhooks.
    """

    def __init__(self, account: GeminiAccount) -> None:
        self._account = account

    async def all(self) -> Sequence[Registration]:
        found = await self._account.call(_all_pages)
        return sorted(map(_registration, found), key=lambda each: each.created or _UNKNOWN)

    async def create(self, url: str, events: Sequence[str]) -> tuple[Registration, SecretStr]:
        subscribed: list[Any] = [*events]  # the client's type names those it knows
        made = await self._account.call(
            lambda client: client.webhooks.create(uri=url, subscribed_events=subscribed, name=_NAME), repeat=False
        )
        return _registration(made), _told(made.new_signing_secret)

    async def update(self, webhook: str, events: Sequence[str]) -> Registration:
        subscribed: list[Any] = [*events]
        changed = await self._account.call(
            lambda client: client.webhooks.update(
                webhook, subscribed_events=subscribed, state="enabled", update_mask="subscribed_events,state"
            )
        )
        return _registration(changed)

    async def rotate(self, webhook: str, *, revoke: bool) -> SecretStr:
        answer = await self._account.call(
            lambda client: client.webhooks.rotate_signing_secret(
                webhook,
                revocation_behavior=(
                    "revoke_previous_secrets_immediately" if revoke else "revoke_previous_secrets_after_h24"
                ),
            ),
            repeat=False,
        )
        return _told(answer.secret)

    async def ping(self, webhook: str) -> None:
        await self._account.call(lambda client: client.webhooks.ping(webhook), repeat=False)

    async def remove(self, webhook: str) -> None:
        await self._account.call(lambda client: client.webhooks.delete(webhook))


def _all_pages(client: "genai.Client") -> list["Webhook"]:
    found: list[Webhook] = []
    token = None
    for _ in range(_MOST_PAGES):  # a token that leads nowhere must not keep us for ever
        page = client.webhooks.list(page_size=_PAGE, page_token=token)
        found += page.webhooks or []
        token = page.next_page_token
        if not token:
            break
    return found


def _registration(webhook: "Webhook") -> Registration:
    if not webhook.id:
        raise SenderApiError("the Gemini API answered a webhook without an id; update google-genai")
    return Registration(
        id=webhook.id,
        url=webhook.uri,
        events=tuple(map(str, webhook.subscribed_events)),
        state=str(webhook.state or _ENABLED),
        enabled=webhook.state in {None, _ENABLED},
        secrets=tuple(
            SigningSecret(ending(each.truncated_secret), each.expire_time) for each in webhook.signing_secrets or []
        ),
        created=webhook.create_time,
    )


def ending(truncated: str | None) -> str:
    """The four characters that ``whsec_...MnM=`` shows of a secret."""
    return (truncated or "")[-4:]


def _told(secret: Any) -> SecretStr:
    if not secret:
        raise SenderApiError("the Gemini API said no secret; run the command again, which asks for another")
    return SecretStr(str(secret))
