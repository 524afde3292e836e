"""GitHub webhooks (docs.github.com, "Validating webhook deliveries"): HMAC-SHA256 of the body, no timestamp.

The signature covers the body alone: event name and delivery id are GitHub's word over TLS, kept as evidence. Without a
signed time nothing expires; a replayed request is the same event (same id, same bytes) and deduplicated as such.
Choose the content type ``application/json`` on GitHub's page: the other one hides the JSON inside a form.
"""

import hmac
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from connectors.api import (
    BadSignatureError,
    Context,
    EventAttributes,
    MalformedRequestError,
    Request,
    SampleSender,
    Secrets,
    Source,
    SourceConfig,
    Verified,
)
from connectors.sources.fields import member, text
from connectors.sources.signing_keys import SigningKey
from schemas.event import JsonObject

UNNAMED = "webhook"
"""The type of an event without the header x-github-event."""

_SIGNATURE = re.compile(r"sha256=([0-9a-fA-F]{64})")


class GithubConfig(SourceConfig):
    """Options of ``type: github``."""

    secrets: Secrets = Field(
        min_length=1,
        description="Secrets to verify with; any may match, so that a rotation loses nothing. Empty ones are skipped.",
    )


class GithubSource(Source[GithubConfig], SampleSender):
    """Webhooks of a GitHub repository, organization or app."""

    name = "github"
    config_model = GithubConfig
    metadata_names = frozenset()
    signed_headers = frozenset(
        {
            "x-hub-signature-256",
            "x-github-event",
            "x-github-delivery",
            "x-github-hook-id",
            "x-github-hook-installation-target-id",
            "x-github-hook-installation-target-type",
        }
    )

    def __init__(self, config: GithubConfig, context: Context) -> None:
        super().__init__(config, context)
        self._keys = tuple(SigningKey.of(secret.get_secret_value().encode()) for secret in config.secrets)

    @classmethod
    def thumbprints(cls, config: GithubConfig) -> Sequence[str]:
        return [SigningKey.of(secret.get_secret_value().encode()).thumbprint for secret in config.secrets]

    async def verify(self, request: Request, now: datetime) -> Verified:  # noqa: ARG002  (GitHub signs no time)
        signature = _SIGNATURE.fullmatch(request.required_header("x-hub-signature-256"))
        if signature is None:
            raise MalformedRequestError("header x-hub-signature-256 is not 'sha256=' and 64 hex digits")
        candidate = bytes.fromhex(signature[1])
        matched = None
        for key in self._keys:  # all of them, so that the time taken does not tell which one matched
            if hmac.compare_digest(hmac.digest(key.secret, request.body, "sha256"), candidate):
                matched = key
        if matched is None:
            raise BadSignatureError(
                "no configured secret made this signature; compare it with the one on GitHub's page"
            )
        return Verified("github-hmac-sha256", matched.thumbprint)

    def describe(self, request: Request) -> Sequence[EventAttributes]:
        body = request.parsed_body
        event = request.header("x-github-event") or UNNAMED
        action = text(member(body, "action"))
        return [
            EventAttributes(
                type=f"{event}.{action}" if action else event,
                id=request.header("x-github-delivery"),
                subject=text(member(member(body, "repository"), "full_name")),
            )
        ]

    def sample_types(self) -> Sequence[str]:
        return tuple(_SAMPLES)

    def sample(self, event_type: str, now: datetime) -> JsonObject:
        event, _, action = event_type.partition(".")
        about = _SAMPLES[event_type]
        repository = {"id": 1296269, "full_name": "octocat/hello-world", "private": False, "default_branch": "main"}
        sender = {"login": "octocat", "id": 1, "type": "User"}
        payload = {"repository": repository, "sender": sender, **about}
        if event == "push":
            commit = uuid.uuid4().hex + uuid.uuid4().hex[:8]
            payload |= {"after": commit, "head_commit": {"id": commit, "timestamp": now.isoformat(timespec="seconds")}}
        return {"action": action, **payload} if action else payload

    def sign(self, body: bytes, *, event_type: str | None, event_id: str, now: datetime) -> Mapping[str, str]:  # noqa: ARG002  (GitHub signs no time)
        signature = hmac.digest(self._keys[0].secret, body, "sha256").hex()
        return {
            "content-type": "application/json",
            "user-agent": "GitHub-Hookshot/sample",
            "x-github-delivery": event_id,
            "x-github-event": (event_type or UNNAMED).partition(".")[0],
            "x-hub-signature-256": f"sha256={signature}",
        }


_SAMPLES: Mapping[str, dict[str, Any]] = {
    "push": {"ref": "refs/heads/main", "before": "6113728f27ae82c7b1a177c8d03f9e96e0adf246", "commits": []},
    "pull_request.opened": {
        "number": 42,
        "pull_request": {"number": 42, "title": "Repair the build", "state": "open", "draft": False, "merged": False},
    },
    "issues.opened": {"issue": {"number": 7, "title": "It does not start", "state": "open", "labels": []}},
    "release.published": {"release": {"tag_name": "v1.2.0", "name": "1.2.0", "draft": False, "prerelease": False}},
}
