"""What people write for ``type: http``, and in a route's ``with``."""

import base64
import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator
from yarl import URL

from connectors.api import DestinationConfig, Duration, Options, Secrets, Template
from connectors.destinations.http import attributes, signing
from connectors.destinations.http.body import BodyTemplate
from connectors.sources.standard_webhooks import decode_secret

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset({"accept-encoding", "content-encoding"})
_OF_THE_CONNECTION = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
_PRINTABLE = re.compile(r"[ -~]*")


def parsed_url(url: SecretStr) -> URL:
    """The URL exactly as written: a signed one must not be normalized.

    Raises:
        ValueError: it is none. The message does not show it.
    """
    text = url.get_secret_value()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("not a URL: percent-encode what is not plain ASCII, and write such a host in punycode (xn--…)")
    try:
        parsed = URL(text, encoded=True)
        if parsed.scheme in {"http", "https"} and parsed.host and parsed.port:
            return parsed
    except ValueError:  # its text may quote the URL
        pass
    raise ValueError("not a URL; it looks like https://hooks.example.com/in/shop")


def basic_authorization(url: URL) -> str | None:
    """The header for the user and password in a URL, which are not sent as part of it (RFC 7617, in UTF-8)."""
    if not url.user and not url.password:
        return None
    return "Basic " + base64.b64encode(f"{url.user or ''}:{url.password or ''}".encode()).decode()


def _url(url: SecretStr) -> SecretStr:
    parsed_url(url)
    return url


def _signing_secrets(secrets: tuple[SecretStr, ...] | None) -> tuple[SecretStr, ...] | None:
    if secrets is not None and not secrets:
        # Nobody may lose the signature because a variable was empty.
        raise ValueError("every secret is empty; write one, or leave `secrets` out to send without a signature")
    for position, secret in enumerate(secrets or (), start=1):
        try:
            decode_secret(secret)
        except ValueError as error:
            raise ValueError(f"secret {position} of {len(secrets or ())} {error}") from None
    return secrets


def _headers(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    seen: set[str] = set()
    for name, value in headers.items():
        lower = name.lower()
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a header")
        if lower in _OURS | _OF_THE_CONNECTION or lower.startswith((signing.PREFIX, attributes.PREFIX)):
            raise ValueError(f"{name} is set by the hub and cannot be written here")
        if lower in seen:
            raise ValueError(f"{name} is there twice")
        seen.add(lower)
        if not _PRINTABLE.fullmatch(value.get_secret_value()):
            raise ValueError(f"the value of {name} has a line break or a character beyond ASCII, which no header holds")
        try:
            Template(value.get_secret_value())
        except ValueError:  # its text may quote the value, which may be a secret
            raise ValueError(f"the value of {name} is not a template; check what stands in its braces") from None
    return headers


class HttpConfig(DestinationConfig):
    """Options of ``type: http``."""

    url: Annotated[SecretStr, AfterValidator(_url)] = Field(
        description="Where to send, `https://…`; `http://` works too. It is a secret, since many URLs hold one."
    )
    method: Literal["POST", "PUT"] = Field("POST", description="HTTP method.")
    secrets: Annotated[Secrets | None, AfterValidator(_signing_secrets)] = Field(
        None,
        title="list of secrets",
        description="Standard Webhooks secrets (`whsec_…`) to sign with, each of them, so that the receiver may know "
        "either during a rotation. Without: not signed. Empty ones are skipped.",
    )
    headers: Annotated[dict[str, SecretStr], AfterValidator(_headers)] = Field(
        default_factory=dict,
        title="name → secret template",
        description="Further headers, such as `Authorization: Bearer …`. What an event puts in is percent-encoded as "
        "in CloudEvents.",
    )
    cloudevents: bool = Field(default=True, description="Send the event's CloudEvents attributes as `ce-*` headers.")
    body: BodyTemplate | None = Field(
        None,
        title="template, or JSON of templates",
        description="Body to send. A text is a template, sent as text; a mapping or list is sent as JSON, each text in "
        "it a template. Without: the event's own bytes, with their `Content-Type`.",
    )
    request_timeout: Duration = Field(
        timedelta(seconds=20),
        gt=timedelta(0),
        description="Longest time for one request and its answer, half of it for connecting. Keep it under the "
        "destination's `timeout`.",
    )

    @model_validator(mode="after")
    def _one_authorization(self) -> "HttpConfig":
        if basic_authorization(parsed_url(self.url)) and any(name.lower() == "authorization" for name in self.headers):
            raise ValueError("there is a user in the url and an Authorization header; write one of them")
        return self


class HttpOptions(Options):
    """What a route may set with ``with``."""

    body: BodyTemplate | None = Field(
        None, title="template, or JSON of templates", description="Body of this route; else the destination's."
    )
