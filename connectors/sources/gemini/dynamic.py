"""Dynamic Gemini webhooks: those a job names itself in ``webhook_config``, signed with keys that Google publishes."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, ValidationInfo, field_validator

from connectors.api import (
    BadSignatureError,
    Context,
    Duration,
    EventAttributes,
    MalformedRequestError,
    Request,
    Source,
    SourceConfig,
    Verified,
)
from connectors.sources.gemini.api_config import GeminiApiConfig
from connectors.sources.gemini.events import TERMINAL_TYPES, event_schemas
from connectors.sources.gemini.results import GeminiResults
from connectors.sources.gemini.source import describe
from connectors.sources.gemini.token import Expected, read_token
from connectors.sources.gemini.v1a import read_signed
from connectors.sources.key_set import KeyCache, KeySetEndpoint
from connectors.sources.standard_webhooks import SIGNED_HEADERS, check_timestamp
from schemas.event import JsonObject
from schemas.gemini import job_id

GOOGLE_KEYS = "https://generativelanguage.googleapis.com/.well-known/jwks.json"

_LONGEST_OVERLAP = timedelta(hours=1)
_TOKEN = re.compile(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")


class Scheme(StrEnum):
    AUTO = "auto"
    V1A = "v1a"
    JWT = "jwt"


class GeminiDynamicConfig(SourceConfig, GeminiApiConfig):
    """Options of ``type: gemini-dynamic``."""

    jwks_url: str = Field(
        GOOGLE_KEYS,
        description="Where the keys to verify with are published, `https://…`. `http://` only for this machine (the "
        "emulator), and with HUB_ALLOW_PRIVATE=1.",
    )
    scheme: Scheme = Field(
        Scheme.AUTO,
        description="`v1a`: Ed25519 over id, timestamp and body. `jwt`: RS256 tokens, which cover nothing of the "
        "request. `auto`: by the form of the header, tokens only if `audience` is set.",
    )
    audience: str | None = Field(
        None, validate_default=True, description="The `aud` that tokens must be for; required for them."
    )
    issuer: str | None = Field(None, description="The `iss` that tokens must be from. Default: any.")
    tolerance: Duration = Field(
        timedelta(minutes=5),
        description="How far the signed timestamp may be from now, in either direction, and a token's times as well.",
    )

    @field_validator("jwks_url")
    @classmethod
    def _https(cls, url: str) -> str:
        parts = _parts(url)
        if parts is None or parts.scheme not in {"https", "http"} or parts.username is not None or parts.fragment:
            raise ValueError(f"not a URL of keys; it looks like {GOOGLE_KEYS}")
        if parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
            raise ValueError("keys that came over http could be anybody's; use https (http is for 127.0.0.1 only)")
        return url

    @field_validator("audience", "issuer")
    @classmethod
    def _of_tokens(cls, value: str | None, info: ValidationInfo) -> str | None:
        scheme = info.data.get("scheme")
        if scheme is Scheme.V1A and value is not None:
            raise ValueError("is for tokens, and `scheme: v1a` takes none; leave one of them out")
        if scheme is Scheme.JWT and info.field_name == "audience" and not value:
            raise ValueError("is missing: with `scheme: jwt`, name the audience that tokens must be for")
        if value == "":
            raise ValueError("is empty; name it, or leave it out")
        return value


class GeminiDynamicSource(Source[GeminiDynamicConfig], GeminiResults):
    """Webhooks that a job names in its `webhook_config`, to `/in/<source>` or `/in/<source>/<endpoint>`. The job's
    `user_metadata` becomes the event's metadata.
    """

    name = "gemini-dynamic"
    config_model = GeminiDynamicConfig
    payload_member = "data"
    signed_headers = SIGNED_HEADERS
    terminal_types = TERMINAL_TYPES
    instead_of_samples = (
        "only the sender has the private key. Run `hub emulate gemini`, set `jwks_url` to the address it prints, and "
        "submit a job with webhook_config to it"
    )

    def __init__(self, config: GeminiDynamicConfig, context: Context) -> None:
        super().__init__(config, context)
        self.account = config
        self._tolerance = config.tolerance.total_seconds()
        self._expected = Expected(config.audience, config.issuer, self._tolerance) if config.audience else None
        self._keys = KeyCache(
            KeySetEndpoint(config.jwks_url, context.http),
            overlap=min(config.tolerance, _LONGEST_OVERLAP),
            log=context.logger,
        )

    @classmethod
    def subject_of(cls, name: str) -> str:
        return job_id(name)

    @classmethod
    def event_schemas(cls) -> Mapping[str, JsonObject]:
        return event_schemas()

    async def open(self) -> None:
        if self.config.jwks_url.startswith("http:") and not self.context.http.allow_private:
            raise ValueError(
                f"source {self.context.name}: jwks_url is on this machine, where the hub sends nothing unless "
                "HUB_ALLOW_PRIVATE=1 is set"
            )
        self._keys.open()

    async def close(self) -> None:
        await self._keys.close()

    async def verify(self, request: Request, now: datetime) -> Verified:
        signature = request.required_header("webhook-signature")
        if self._is_token(signature):
            return await self._verify_token(signature, request, now)
        signed = read_signed(request, self._tolerance, now)
        verified = await self._keys.find(signed.matched)
        if verified is None:
            raise BadSignatureError(
                "no published key made this signature; check that nothing between you and the hub changes the body"
            )
        return verified

    def describe(self, request: Request) -> Sequence[EventAttributes]:
        return [describe(request.parsed_body, request.header("webhook-id"))]

    def _is_token(self, signature: str) -> bool:
        """By the header's form alone. A token cannot choose how it is checked."""
        token = _TOKEN.fullmatch(signature) is not None
        match self.config.scheme:
            case Scheme.V1A if token:
                raise MalformedRequestError("this source takes 'v1a,<base64>' in webhook-signature, and no token")
            case Scheme.JWT if not token:
                raise MalformedRequestError("this source takes a JSON Web Token in webhook-signature, and nothing else")
            case _:
                return token

    async def _verify_token(self, text: str, request: Request, now: datetime) -> Verified:
        if self._expected is None:
            raise BadSignatureError(
                "tokens are not taken here, since nobody said whom they must be for: the option `audience` of this "
                "source is not set"
            )
        request.required_header("webhook-id")
        check_timestamp(request.required_header("webhook-timestamp"), self._tolerance, now)
        token = read_token(text)
        verified = await self._keys.find(partial(token.matched, expected=self._expected, now=now))
        if verified is None:
            raise BadSignatureError("the key that the token names is not published")
        return verified


def _parts(url: str) -> SplitResult | None:
    """None where there is no host in it, or a port that is none."""
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:
        return None


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
