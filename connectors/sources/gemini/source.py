"""Static Gemini webhooks: Standard Webhooks ``v1`` with the secret the API gave at ``webhooks.create``."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from connectors.api import (
    Context,
    EventAttributes,
    KeysUnavailableError,
    Request,
    SampleSender,
    Secrets,
    Source,
    Verified,
)
from connectors.sources.fields import instant, member, text
from connectors.sources.gemini.events import EVENT_TYPES, TERMINAL_TYPES, event_schemas, sample
from connectors.sources.gemini.registered import GeminiAccountConfig, RegisteredGemini
from connectors.sources.gemini.results import GeminiResults
from connectors.sources.standard_webhooks import (
    SIGNED_HEADERS,
    UNNAMED,
    StandardWebhooksConfig,
    StandardWebhooksVerifier,
    sign_v1,
    thumbprints,
)
from schemas.event import JsonObject
from schemas.gemini import job_id, user_metadata


class GeminiConfig(StandardWebhooksConfig, GeminiAccountConfig):
    """Options of ``type: gemini``."""

    secrets: Secrets = Field(
        (),
        description="Secrets to verify with; any may match, so that a rotation loses nothing. Empty ones are skipped. "
        "Without this option: those that `hub gemini register` and `rotate` keep under HUB_HOME.",
    )


class GeminiSource(Source[GeminiConfig], SampleSender, RegisteredGemini, GeminiResults):
    """Webhooks registered with `hub gemini register` or `client.webhooks.create`. Types the catalogue does not list
    are stored as they are.
    """

    name = "gemini"
    config_model = GeminiConfig
    payload_member = "data"
    signed_headers = SIGNED_HEADERS
    terminal_types = TERMINAL_TYPES
    account: GeminiConfig

    def __init__(self, config: GeminiConfig, context: Context) -> None:
        super().__init__(config, context)
        self.account = config
        self._verifier = StandardWebhooksVerifier(config.secrets, config.tolerance)

    @classmethod
    def thumbprints(cls, config: GeminiConfig) -> Sequence[str]:
        return thumbprints(config)

    async def verify(self, request: Request, now: datetime) -> Verified:
        if not self.config.secrets:  # those who know one repeat until it is here, too
            raise KeysUnavailableError("there is no secret to verify with yet; `hub gemini register` gets one")
        return self._verifier.verify(request, now)

    @classmethod
    def subject_of(cls, name: str) -> str:
        return job_id(name)

    @classmethod
    def event_schemas(cls) -> Mapping[str, JsonObject]:
        return event_schemas()

    def describe(self, request: Request) -> Sequence[EventAttributes]:
        return [describe(request.parsed_body, request.header("webhook-id"))]

    def sample_types(self) -> Sequence[str]:
        return tuple(EVENT_TYPES)

    def sample(self, event_type: str, now: datetime) -> JsonObject:
        return sample(event_type, now)

    def attach(self, payload: JsonObject, metadata: Mapping[str, str]) -> JsonObject:
        return {**payload, "user_metadata": {**user_metadata(payload), **metadata}} if metadata else payload

    def sign(self, body: bytes, *, event_type: str | None, event_id: str, now: datetime) -> Mapping[str, str]:  # noqa: ARG002  (the body names its type)
        if not self.config.secrets:
            raise ValueError("there is no secret to sign with; give the source `secrets`, or run `hub gemini register`")
        return sign_v1(self.config.secrets[0], body, event_id, now)


def describe(body: Any, event_id: str | None) -> EventAttributes:
    """Name a Gemini event; the body is parsed JSON of any shape."""
    job = text(member(member(body, "data"), "id"))
    return EventAttributes(
        type=text(member(body, "type")) or UNNAMED,
        id=event_id,
        subject=job_id(job) if job else None,
        time=instant(member(body, "timestamp")),
        metadata=user_metadata(body),
    )
