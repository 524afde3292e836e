"""The event catalogue of the Gemini API: what each type's ``data`` holds beside ``id``, and a sample of each.

Source: ai.google.dev/gemini-api/docs/webhooks (event catalogue) and the one full payload it shows. Senders may send
types that are not listed; they are accepted and stored all the same.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.event import JsonObject
from schemas.gemini import EVENT_MODELS, FailureData, JobEvent

_FAILURE = {"error_code": "INTERNAL", "error_message": "The model is overloaded. Please try again later."}


@dataclass(frozen=True, slots=True)
class EventType:
    """``new_id`` makes an id of the kind of job the event is about; ``data`` is what else a sample holds."""

    new_id: Callable[[], str]
    data: Mapping[str, Any]


def _batch() -> str:
    return f"batches/{uuid.uuid4().hex[:20]}"


def _interaction() -> str:
    return f"v1_{uuid.uuid4().hex}"


def _video() -> str:
    return f"models/veo-3.1-generate-preview/operations/{uuid.uuid4().hex[:16]}"


EVENT_TYPES: Mapping[str, EventType] = {
    "batch.succeeded": EventType(_batch, {"output_file_uri": "gs://my-bucket/results.jsonl"}),
    "batch.cancelled": EventType(_batch, {}),
    "batch.expired": EventType(_batch, {}),
    "batch.failed": EventType(_batch, _FAILURE),
    "interaction.requires_action": EventType(_interaction, {}),
    "interaction.completed": EventType(_interaction, {}),
    "interaction.failed": EventType(_interaction, _FAILURE),
    "interaction.cancelled": EventType(_interaction, {}),
    "video.generated": EventType(
        _video, {"output_file_uri": "gs://my-bucket/video.mp4", "file_name": "files/3k9f2m1x8c7a"}
    ),
}


VIDEO_FAILED = "video.failed"
"""No webhook says that a video failed; reconciliation does."""

TERMINAL_TYPES = frozenset(EVENT_TYPES) - {"interaction.requires_action"} | {VIDEO_FAILED}
"""Those after which nothing more happens to the job."""


class _VideoFailed(JobEvent):
    data: FailureData


def event_schemas() -> Mapping[str, JsonObject]:
    """JSON Schema of the body by type: those of the catalogue, and what reconciliation adds."""
    models: Mapping[str, type[JobEvent]] = {**EVENT_MODELS, VIDEO_FAILED: _VideoFailed}
    return {kind: model.model_json_schema() for kind, model in models.items()}


def sample(event_type: str, now: datetime) -> dict[str, Any]:
    """A payload as Gemini sends it for one of EVENT_TYPES, about a job of its own."""
    kind = EVENT_TYPES[event_type]
    return {
        "type": event_type,
        "version": "v1",
        "timestamp": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "data": {"id": kind.new_id(), **kind.data},
    }
