"""What clients may send, checked as Google checks it (pure). Names in camel case and in snake case are the same.

A field that does not exist is an error that says where, which is what a client sees that is newer than the API.
"""

import json
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel, to_snake

from connectors.sources.gemini.emulator.errors import InvalidArgumentError
from connectors.sources.gemini.emulator.lifecycle import EVENT_TYPES
from connectors.sources.gemini.emulator.records import DynamicWebhook, WebhookState

M = TypeVar("M", bound="Message")
MAX_REQUEST = 20 * 1024 * 1024
"""Bytes of one request; Google's limit for inline batches."""
MAX_PAGE = 1000


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class WebhookConfig(Message):
    uris: tuple[str, ...] = ()
    user_metadata: dict[str, Any] = {}

    def checked(self, path: str) -> DynamicWebhook:
        """Raises InvalidArgumentError."""
        for number, uri in enumerate(self.uris):
            check_uri(uri, f"{path}.uris[{number}]")
        return DynamicWebhook(uris=self.uris, user_metadata=self.user_metadata)


class InlineRequest(Message):
    request: dict[str, Any]
    metadata: dict[str, Any] | None = None


class InlineRequests(Message):
    requests: tuple[InlineRequest, ...] = Field(min_length=1)


class InputConfig(Message):
    file_name: str | None = None
    requests: InlineRequests | None = None


class Batch(Message):
    name: str | None = None
    model: str | None = None
    display_name: str = ""
    input_config: InputConfig
    priority: int | str | None = None
    webhook_config: WebhookConfig | None = None


class CreateBatch(Message):
    batch: Batch


class CreateVideo(Message):
    instances: tuple[dict[str, Any], ...] = Field(min_length=1)
    parameters: dict[str, Any] = {}
    webhook_config: WebhookConfig | None = None


class GenerateContent(Message):
    """What else a request may hold means nothing to the emulator."""

    model_config = ConfigDict(extra="ignore")

    contents: list[Any] | dict[str, Any]


class CreateInteraction(Message):
    """The fields that mean nothing to the emulator are accepted and kept."""

    model: str | None = None
    agent: str | None = None
    input: str | list[Any] | dict[str, Any]
    background: bool = False
    store: bool = True
    stream: bool = False
    webhook_config: WebhookConfig | None = None
    tools: list[dict[str, Any]] | None = None
    agent_config: Any = None
    cached_content: Any = None
    continuation_token: Any = None
    environment: Any = None
    generation_config: Any = None
    labels: Any = None
    previous_interaction_id: str | None = None
    response_format: Any = None
    response_mime_type: Any = None
    response_modalities: Any = None
    safety_settings: Any = None
    service_tier: Any = None
    system_instruction: Any = None


class CreateWebhook(Message):
    subscribed_events: tuple[str, ...] = Field(min_length=1)
    uri: str
    name: str = ""
    webhook_id: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")


class UpdateWebhook(Message):
    subscribed_events: tuple[str, ...] | None = Field(None, min_length=1)
    uri: str | None = None
    name: str | None = None
    state: WebhookState | None = None


class RotateSecret(Message):
    revocation_behavior: str = "revoke_previous_secrets_after_h24"


class FileMetadata(Message):
    """Of an upload; what is output-only may be there and is ignored, as clients send whole File objects."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)

    name: str | None = Field(None, pattern=r"^files/[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$")
    display_name: str = Field("", max_length=512)
    mime_type: str | None = None


class CreateFile(Message):
    file: FileMetadata = FileMetadata()


def parse(model: type[M], raw: bytes) -> M:
    """A request's body; an empty one is ``{}``. Raises InvalidArgumentError with Google's words."""
    try:
        body = json.loads(raw) if raw.strip() else {}
    except ValueError:  # UnicodeDecodeError, too
        raise InvalidArgumentError("Invalid JSON payload received. The body is not JSON.") from None
    if not isinstance(body, dict):
        raise InvalidArgumentError("Invalid JSON payload received. The body is not an object.")
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise InvalidArgumentError("\n".join(_complaint(each) for each in error.errors())) from None


def check_events(events: tuple[str, ...]) -> None:
    """Raises InvalidArgumentError."""
    for number, event in enumerate(events):
        if event not in EVENT_TYPES:
            raise InvalidArgumentError(
                f"Invalid value at 'subscribed_events[{number}]': {event!r}, expected one of "
                f"{', '.join(sorted(EVENT_TYPES))}"
            )


def check_uri(uri: str, path: str) -> None:
    """https, or on loopback also http, which is emulator-specific. Raises InvalidArgumentError."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise InvalidArgumentError(
            f"Invalid value at '{path}': {uri!r} must be an absolute https URI (this emulator also takes http on "
            "loopback)"
        )


def is_loopback(host: str) -> bool:
    """Whether a host of a URI is this machine by its form, before any name is resolved."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def page_size(query: Mapping[str, str], default: int) -> int:
    """``pageSize`` or ``page_size``; larger ones count as the largest. Raises InvalidArgumentError."""
    written = query.get("pageSize") or query.get("page_size") or "0"
    if not re.fullmatch(r"[0-9]{1,9}", written):
        raise InvalidArgumentError(f"Invalid value at 'page_size' (TYPE_INT32), {written!r}")
    return min(int(written) or default, MAX_PAGE)


def page_before(query: Mapping[str, str]) -> int | None:
    """``pageToken`` or ``page_token`` as `Store.page` takes it. Raises InvalidArgumentError."""
    token = query.get("pageToken") or query.get("page_token")
    if not token:
        return None
    if not re.fullmatch(r"p[0-9]{1,18}", token):
        raise InvalidArgumentError(f"Page token is invalid: {token!r}")
    return int(token[1:])


def page_token(before: int | None) -> str | None:
    return None if before is None else f"p{before}"


def _complaint(error: Mapping[str, Any]) -> str:
    *path, name = error["loc"]
    if error["type"] == "extra_forbidden":
        at = f" at '{_path(path)}'" if path else ""
        return f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.'
    return f"Invalid value at '{_path(error['loc'])}': {error['msg']}"


def _path(parts: Any) -> str:
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{to_snake(part)}" for part in parts)
    return written.removeprefix(".")
