"""Registered webhooks: their subscriptions, states and secrets."""

import base64
import secrets
import string

from connectors.sources.gemini.emulator.clock import Clock
from connectors.sources.gemini.emulator.errors import InvalidArgumentError, NotFoundError
from connectors.sources.gemini.emulator.files import new_id
from connectors.sources.gemini.emulator.records import Secret, Webhook, WebhookState
from connectors.sources.gemini.emulator.requests import (
    CreateWebhook,
    RotateSecret,
    UpdateWebhook,
    check_events,
    check_uri,
)
from connectors.sources.gemini.emulator.store import Store

OVERLAP = 24 * 3600.0
"""Emulated seconds that the previous secret signs, too, after a rotation."""


def new_secret() -> str:
    """``whsec_`` and the base64 of 32 letters and digits, as the live API gives them."""
    alphabet = string.ascii_lowercase + string.digits
    return "whsec_" + base64.b64encode("".join(secrets.choice(alphabet) for _ in range(32)).encode()).decode()


class Webhooks:
    """Every method that takes an id raises NotFoundError."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, wanted: CreateWebhook) -> tuple[Webhook, str]:
        """The webhook and its secret, which is not shown again. Raises InvalidArgumentError."""
        check_events(wanted.subscribed_events)
        check_uri(wanted.uri, "uri")
        secret, now = new_secret(), self._clock.wall()
        webhook = Webhook(
            id=wanted.webhook_id or new_id(36),
            name=wanted.name,
            uri=wanted.uri,
            subscribed_events=wanted.subscribed_events,
            secrets=(Secret(value=secret),),
            created_at=now,
            updated_at=now,
        )
        if self._store.get(Webhook, webhook.id):
            raise InvalidArgumentError(f"Requested entity already exists: {webhook.id}")
        self._store.put(webhook)
        return webhook, secret

    def get(self, webhook_id: str) -> Webhook:
        webhook = self._store.get(Webhook, webhook_id)
        if webhook is None:
            raise NotFoundError(f"Webhook {webhook_id} not found.")
        return webhook.model_copy(update={"secrets": self._valid(webhook)})

    def find(self, webhook_id: str) -> Webhook | None:
        """As `get`, for a delivery whose webhook may be gone."""
        try:
            return self.get(webhook_id)
        except NotFoundError:
            return None

    def page(self, size: int, before: int | None) -> tuple[list[Webhook], int | None]:
        found, older = self._store.page(Webhook, size, before=before)
        return [each.model_copy(update={"secrets": self._valid(each)}) for each in found], older

    def subscribed(self, event_type: str) -> list[Webhook]:
        """The enabled ones that an event goes to."""
        return [
            each
            for each in self._store.all(Webhook)
            if each.state is WebhookState.ENABLED and event_type in each.subscribed_events
        ]

    def update(self, webhook_id: str, wanted: UpdateWebhook) -> Webhook:
        """Change the fields that are there; an ``update_mask`` is ignored, as the live API was observed to do.

        Enabling one that failed gives it a fresh start. Raises InvalidArgumentError.
        """
        webhook = self.get(webhook_id)
        if wanted.subscribed_events is not None:
            check_events(wanted.subscribed_events)
        if wanted.uri is not None:
            check_uri(wanted.uri, "uri")
        if wanted.state is WebhookState.FAILED:
            raise InvalidArgumentError(f"Invalid value at 'state': {wanted.state.value!r} is output only")
        changes: dict[str, object] = wanted.model_dump(exclude_none=True)
        if wanted.state is WebhookState.ENABLED:
            changes["given_up"] = 0
        return self._save(webhook, changes)

    def delete(self, webhook_id: str) -> None:
        self._store.delete(self.get(webhook_id))

    def rotate(self, webhook_id: str, wanted: RotateSecret) -> str:
        """The new secret. The previous ones sign for 24 hours more, or not at all. Raises InvalidArgumentError."""
        behaviour = wanted.revocation_behavior.lower()
        if behaviour not in {"revoke_previous_secrets_after_h24", "revoke_previous_secrets_immediately"}:
            raise InvalidArgumentError(f"Invalid value at 'revocation_behavior': {wanted.revocation_behavior!r}")
        webhook = self.get(webhook_id)
        ends = self._clock.now() + OVERLAP
        kept = tuple(
            secret if secret.expires is not None else secret.model_copy(update={"expires": ends})
            for secret in webhook.secrets
            if not behaviour.endswith("immediately")
        )
        secret = new_secret()
        self._save(webhook, {"secrets": (*kept, Secret(value=secret))})
        return secret

    def succeeded(self, webhook_id: str) -> None:
        """A delivery came through; the webhook may be gone."""
        webhook = self.find(webhook_id)
        if webhook and webhook.given_up:
            self._store.put(webhook.model_copy(update={"given_up": 0}))

    def given_up(self, webhook_id: str, *, disable_after: int) -> None:
        """A delivery was given up; so many in a row disable the webhook."""
        webhook = self.find(webhook_id)
        if webhook is None:
            return
        changes: dict[str, object] = {"given_up": webhook.given_up + 1}
        if webhook.given_up + 1 >= disable_after and webhook.state is WebhookState.ENABLED:
            changes["state"] = WebhookState.FAILED
        self._save(webhook, changes)

    def gone(self, webhook_id: str) -> None:
        """It answered 410, which asks not to be called again."""
        webhook = self.find(webhook_id)
        if webhook:
            self._save(webhook, {"state": WebhookState.DISABLED})

    def _save(self, webhook: Webhook, changes: dict[str, object]) -> Webhook:
        changed = webhook.model_copy(update={**changes, "updated_at": self._clock.wall()})
        self._store.put(changed)
        return changed

    def _valid(self, webhook: Webhook) -> tuple[Secret, ...]:
        now = self._clock.now()
        return tuple(secret for secret in webhook.secrets if secret.expires is None or secret.expires > now)
