"""From a job as the Gemini API answers it to the event of its end, as its webhook would have brought it (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from connectors.reconciliation import EndedJob
from connectors.sources.gemini.events import VIDEO_FAILED
from schemas.event import EventAttributes, JsonObject
from schemas.gemini import job_id

BATCH_TYPES: Mapping[str, str] = {
    "JOB_STATE_SUCCEEDED": "batch.succeeded",
    "JOB_STATE_PARTIALLY_SUCCEEDED": "batch.succeeded",
    "JOB_STATE_FAILED": "batch.failed",
    "JOB_STATE_CANCELLED": "batch.cancelled",
    "JOB_STATE_EXPIRED": "batch.expired",
}
INTERACTION_TYPES: Mapping[str, str] = {
    "completed": "interaction.completed",
    "failed": "interaction.failed",
    "cancelled": "interaction.cancelled",
    "incomplete": "interaction.failed",
    "budget_exceeded": "interaction.failed",
}
"""The last two have no event of their own, and nothing more happens to them: ``error_code`` says which it was."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has ended. ``at`` is None where the API does not say when."""

    type: str
    name: str
    at: datetime | None = None
    data: JsonObject = field(default_factory=dict)
    metadata: JsonObject = field(default_factory=dict)

    def event(self) -> EndedJob:
        body: dict[str, Any] = {"type": self.type, "version": "v1"}
        if self.at is not None:
            body["timestamp"] = self.at.isoformat().replace("+00:00", "Z")
        body["data"] = {"id": self.name, **{key: value for key, value in self.data.items() if value is not None}}
        if self.metadata:
            body["user_metadata"] = dict(self.metadata)
        subject = job_id(self.name)
        attributes = EventAttributes(
            type=self.type,
            id=f"reconciled:{subject}:{self.type}",
            subject=subject,
            time=self.at,
            metadata=self.metadata,
        )
        return EndedJob(attributes, orjson.dumps(body), self.at)


def ended_batch(name: str, state: str, at: datetime | None, output_file: str | None) -> Ended | None:
    kind = BATCH_TYPES.get(state)
    return None if kind is None else Ended(kind, name, at, {"output_file_uri": output_file})


def ended_interaction(interaction: JsonObject) -> Ended | None:
    """``interaction``: as the API answers it."""
    status = interaction.get("status")
    kind = INTERACTION_TYPES.get(str(status))
    if kind is None:
        return None
    data: dict[str, Any] = {}
    if kind == "interaction.failed":
        errors = interaction.get("errors")
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        data = {"error_code": first.get("code") or status, "error_message": first.get("message")}
    webhook = interaction.get("webhook_config")
    metadata = webhook.get("user_metadata") if isinstance(webhook, dict) else None
    at = interaction.get("updated")
    return Ended(
        kind,
        str(interaction["id"]),
        datetime.fromisoformat(at) if isinstance(at, str) else at,
        data,
        metadata if isinstance(metadata, dict) else {},
    )


def ended_video(name: str, error: Any, uri: str | None) -> Ended:
    """An operation that is done; the API says no time."""
    if error is None:
        return Ended("video.generated", name, data={"output_file_uri": uri, "file_name": _file_name(uri)})
    told = error if isinstance(error, Mapping) else {}
    return Ended(VIDEO_FAILED, name, data={"error_code": told.get("code"), "error_message": told.get("message")})


def _file_name(uri: str | None) -> str | None:
    """``files/abc`` in ``https://…/v1beta/files/abc:download?alt=media``."""
    before, files, after = (uri or "").partition("/files/")
    return f"files/{after.partition(':')[0].partition('?')[0]}" if before and files else None
