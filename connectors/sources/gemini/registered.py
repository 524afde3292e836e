"""What the Gemini sources know of their account: registration and reconciliation, apart from receiving."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from pydantic import Field, SecretStr, field_validator

from connectors.reconciliation import EndedJob, ReconcileConfig, Reconciler
from connectors.registration import Registrar, Registration
from connectors.sources.gemini.account import GeminiAccount, check_url
from connectors.sources.gemini.api_config import GeminiApiConfig
from connectors.sources.gemini.jobs_api import GeminiJobs
from connectors.sources.gemini.webhooks_api import SUBSCRIBABLE, GeminiWebhooks
from connectors.sources.standard_webhooks import signing_key

_GRACE = timedelta(minutes=2)


class GeminiAccountConfig(GeminiApiConfig):
    """Options for calling the Gemini API; receiving needs none of them."""

    public_url: str | None = Field(
        None,
        description="Where Google reaches this hub, for `hub gemini register`: `https://hub.example.com`, no `/in/…`.",
    )
    reconcile: ReconcileConfig | None = Field(
        None, description="Look for jobs whose webhook never came: `{every: 10m}`. One worker of all does it."
    )

    @field_validator("public_url")
    @classmethod
    def _public(cls, url: str | None) -> str | None:
        return None if url is None else check_url(url)


class RegisteredGemini(Registrar, Reconciler):
    """The halves of `GeminiSource` that call the API; ``api`` is made when they are first used."""

    event_types = SUBSCRIBABLE
    secret_overlap = timedelta(hours=24)

    account: GeminiAccountConfig

    @property
    def public_url(self) -> str | None:
        return self.account.public_url

    async def registrations(self) -> Sequence[Registration]:
        return await self._webhooks.all()

    async def create(self, url: str, events: Sequence[str]) -> tuple[Registration, SecretStr]:
        return await self._webhooks.create(url, events)

    async def update(self, registration: str, events: Sequence[str]) -> Registration:
        return await self._webhooks.update(registration, events)

    async def rotate(self, registration: str, *, revoke: bool) -> SecretStr:
        return await self._webhooks.rotate(registration, revoke=revoke)

    async def ping(self, registration: str) -> None:
        await self._webhooks.ping(registration)

    async def remove(self, registration: str) -> None:
        await self._webhooks.remove(registration)

    @classmethod
    def thumbprint(cls, secret: SecretStr) -> str:
        return signing_key(secret).thumbprint

    @property
    def schedule(self) -> ReconcileConfig | None:
        return self.account.reconcile

    @property
    def grace(self) -> timedelta:
        asked = self.account.reconcile.after if self.account.reconcile else None
        if asked is not None:
            return asked
        return timedelta() if self.account.public_url is None else _GRACE

    def ended(self, since: datetime, jobs: Sequence[str] = ()) -> AsyncIterator[EndedJob]:
        return GeminiJobs(self._api).ended(since, jobs)

    @property
    def _webhooks(self) -> GeminiWebhooks:
        return GeminiWebhooks(self._api)

    @property
    def _api(self) -> GeminiAccount:
        return GeminiAccount(self.account.api_key, self.account.base_url)
