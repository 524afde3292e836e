"""Standard Webhooks (standardwebhooks.com, specification 1.0.0), symmetric scheme ``v1``.

The verification is our own because the ``standardwebhooks`` package has a fixed tolerance, takes one secret, and
raises ValueError on malformed headers. ``hub send`` signs with that package, and tests hold both against each other.
"""

import base64
import binascii
import hmac
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator
from standardwebhooks import Webhook

from connectors.api import (
    BadSignatureError,
    Context,
    EventAttributes,
    Expression,
    MalformedRequestError,
    Request,
    SampleSender,
    SignedSourceConfig,
    Source,
    Verified,
)
from connectors.sources.fields import instant, member, text
from connectors.sources.signing_keys import SigningKey
from schemas.event import JsonObject

SIGNED_HEADERS = frozenset({"webhook-id", "webhook-timestamp", "webhook-signature"})
UNNAMED = "webhook"
"""The type of an event whose body names none."""

_TIMESTAMP = re.compile(r"[0-9]{1,15}")  # int() would also take "+1", "1_0" and Arabic digits; 15 digits fit a float


class StandardWebhooksConfig(SignedSourceConfig):
    """A sender that follows Standard Webhooks with symmetric signatures (``v1``)."""

    @field_validator("secrets")
    @classmethod
    def _base64(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for position, secret in enumerate(secrets, start=1):
            try:
                decode_secret(secret)
            except ValueError as error:
                raise ValueError(f"secret {position} of {len(secrets)} {error}") from None
        return secrets


class SubjectedStandardWebhooksConfig(StandardWebhooksConfig):
    """Options of ``type: standard_webhooks``."""

    subject: Expression | None = Field(
        None,
        description="JMESPath expression over the body for what an event is about, such as `data.order_id`. "
        "Events with the same subject stay in order.",
    )


def signing_key(secret: SecretStr) -> SigningKey:
    """Raises ValueError where the secret is not base64."""
    return SigningKey.of(decode_secret(secret))


def thumbprints(config: StandardWebhooksConfig) -> Sequence[str]:
    """Of its secrets, as the evidence names them."""
    return [signing_key(secret).thumbprint for secret in config.secrets]


class StandardWebhooksVerifier:
    """Checks ``v1`` signatures against several secrets. Immutable; used concurrently."""

    scheme = "standard-webhooks-v1"

    def __init__(self, secrets: Sequence[SecretStr], tolerance: timedelta) -> None:
        keys = [signing_key(secret) for secret in secrets]
        self._keys = tuple((key.secret, Verified(self.scheme, key.thumbprint)) for key in keys)
        self._tolerance = tolerance.total_seconds()

    def verify(self, request: Request, now: datetime) -> Verified:
        """The evidence, or MalformedRequestError or BadSignatureError."""
        message_id = request.required_header("webhook-id")
        timestamp = request.required_header("webhook-timestamp")
        candidates = signatures(request.required_header("webhook-signature"), "v1")
        check_timestamp(timestamp, self._tolerance, now)
        # The header was decoded as Latin-1, so this gives back the bytes that were sent.
        signed = f"{message_id}.{timestamp}.".encode("latin-1") + request.body
        matched = None
        for secret, verified in self._keys:  # all, so that the time taken does not tell which of them matched
            expected = hmac.digest(secret, signed, "sha256")
            for candidate in candidates:
                if hmac.compare_digest(expected, candidate):
                    matched = verified
        if matched is None:
            raise BadSignatureError(
                "no configured secret made this signature; compare the secret here with the sender's, "
                "and check that nothing between you changes the body"
            )
        return matched


def check_timestamp(timestamp: str, tolerance: float, now: datetime) -> None:
    """Whether the ``webhook-timestamp`` is within ``tolerance`` seconds of now, in either direction.

    Raises:
        MalformedRequestError, BadSignatureError: it is no timestamp, or not within.
    """
    if not _TIMESTAMP.fullmatch(timestamp):
        raise MalformedRequestError("header webhook-timestamp is not a whole number of seconds since 1970")
    age = now.timestamp() - int(timestamp)
    if abs(age) > tolerance:
        raise BadSignatureError(
            f"the signed timestamp is {abs(age):.0f} s {'old' if age > 0 else 'in the future'}, more than the "
            f"{tolerance:.0f} s allowed; sign each attempt anew, and check both clocks"
        )


def decode_secret(secret: SecretStr) -> bytes:
    """The key of a secret: base64, padded or not, with or without ``whsec_`` in front.

    Raises:
        ValueError: it is something else. The message completes "secret 1 …" and does not show it.
    """
    encoded = secret.get_secret_value().removeprefix("whsec_").rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64 (with or without whsec_ in front); copy the whole of it again") from None
    if not key:
        raise ValueError("has nothing after whsec_; copy the whole of it again")
    return key


def signatures(header: str, wanted: str) -> list[bytes]:
    """The signatures of one version in a space-delimited list; others, and what is not base64, are skipped.

    Raises:
        MalformedRequestError: nothing in it has the form ``version,signature``.
    """
    found = []
    listed = False
    for token in header.split(" "):
        version, comma, encoded = token.partition(",")
        listed = listed or bool(comma)
        if version == wanted:
            try:
                found.append(base64.b64decode(encoded, validate=True))
            except (binascii.Error, ValueError):  # ValueError: not ASCII
                continue
    if not listed:
        raise MalformedRequestError(f"header webhook-signature is not a list like '{wanted},<base64>'")
    return found


def sign_v1(secret: SecretStr, body: bytes, event_id: str, now: datetime) -> dict[str, str]:
    """The headers the ``standardwebhooks`` package makes; ValueError where the body is not UTF-8, as it signs text."""
    signature = Webhook(secret.get_secret_value()).sign(event_id, now, body.decode())
    return {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }


class StandardWebhooksSource(Source[SubjectedStandardWebhooksConfig], SampleSender):
    """Any sender that follows Standard Webhooks: ``{"type": …, "timestamp": …, "data": {…}}``."""

    name = "standard_webhooks"
    config_model = SubjectedStandardWebhooksConfig
    payload_member = "data"
    signed_headers = SIGNED_HEADERS
    metadata_names = frozenset()

    _SAMPLES: ClassVar[Mapping[str, JsonObject]] = {
        "order.paid": {"amount": 4990, "currency": "EUR", "priority": "normal"},
        "order.refunded": {"amount": 4990, "currency": "EUR", "reason": "damaged", "priority": "high"},
        "customer.created": {"email": "ada@example.com", "plan": "team", "priority": "low"},
    }

    def __init__(self, config: SubjectedStandardWebhooksConfig, context: Context) -> None:
        super().__init__(config, context)
        self._verifier = StandardWebhooksVerifier(config.secrets, config.tolerance)

    @classmethod
    def thumbprints(cls, config: SubjectedStandardWebhooksConfig) -> Sequence[str]:
        return thumbprints(config)

    async def verify(self, request: Request, now: datetime) -> Verified:
        return self._verifier.verify(request, now)

    def describe(self, request: Request) -> Sequence[EventAttributes]:
        body = request.parsed_body
        return [
            EventAttributes(
                type=text(member(body, "type")) or UNNAMED,
                id=request.header("webhook-id"),
                subject=text(self.config.subject.find(body)) if self.config.subject else None,
                time=instant(member(body, "timestamp")),
            )
        ]

    def sample_types(self) -> Sequence[str]:
        return tuple(self._SAMPLES)

    def sample(self, event_type: str, now: datetime) -> JsonObject:
        thing = event_type.partition(".")[0]
        data = {"id": f"{thing}_{uuid.uuid4().hex[:12]}", **self._SAMPLES[event_type]}
        return {"type": event_type, "timestamp": now.isoformat(timespec="seconds").replace("+00:00", "Z"), "data": data}

    def sign(self, body: bytes, *, event_type: str | None, event_id: str, now: datetime) -> Mapping[str, str]:  # noqa: ARG002  (the body names its type)
        return sign_v1(self.config.secrets[0], body, event_id, now)
