"""The events of the Gemini API, typed: what the value of such a record in ``hub.events`` holds.

    event = parse(record.value)
    if isinstance(event, BatchSucceeded):
        fetch(event.data.output_file_uri)

Source: ai.google.dev/gemini-api/docs/webhooks, the event catalogue. What it leaves open stays open here: members that
are not listed are kept (``model_extra``), types that are not listed are OtherEvent.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    TypeAdapter,
    WithJsonSchema,
)

JobId = Annotated[
    str, BeforeValidator(lambda value: str(value) if type(value) is int else value, json_schema_input_type=str | int)
]
"""A job's name as the event has it; `job_id` makes one form of it."""


def job_id(name: str) -> str:
    """One form for one job, so that all its events stay in order: its resource name's last part.

    Gemini documents neither whether events say ``batches/123`` or ``123``, nor the like for ``interactions/…`` and
    ``models/…/operations/…``.
    """
    return name.rstrip("/").rpartition("/")[2] or name


def user_metadata(body: object) -> Mapping[str, Any]:
    """What the job's creator attached to it, out of a body of any shape. Where it stands in an event is undocumented,
    so both places count; JavaScript clients write it in camel case.
    """
    data = body.get("data") if isinstance(body, dict) else None
    found: dict[str, Any] = {}
    for place in (data, body):
        for name in ("userMetadata", "user_metadata"):
            attached = place.get(name) if isinstance(place, dict) else None
            if isinstance(attached, dict):
                found |= attached
    return found


class _Model(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class JobData(_Model):
    """What every event says about its job."""

    id: JobId = Field(description="Name of the job, with or without what is before its last slash.")


class OutputData(JobData):
    """A job that left a file."""

    output_file_uri: str | None = Field(
        None, description="Where the result is; missing where the requests were not in a file."
    )


class VideoData(OutputData):
    """A video that is ready."""

    file_name: str | None = Field(None, description="Name of the file in the Files API.")


class FailureData(JobData):
    """A job that failed."""

    error_code: str | int | None = Field(None, description="Undocumented which of the two it is.")
    error_message: str | None = None


class JobEvent(_Model):
    """What all listed events have. ``user_metadata`` is what the job's creator attached; dynamic webhooks only."""

    type: str
    version: str = "v1"
    timestamp: AwareDatetime | None = Field(
        None, description="When it happened. Only a video that `reconcile` found has none: the API does not tell."
    )
    data: JobData
    user_metadata: dict[str, JsonValue] | None = None

    @property
    def job(self) -> str:
        """The job's id in the form that is the event's subject."""
        return job_id(self.data.id)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The event's metadata, wherever it stands: see `user_metadata`."""
        return user_metadata(self.model_dump())


class BatchSucceeded(JobEvent):
    type: Literal["batch.succeeded"]
    data: OutputData


class BatchCancelled(JobEvent):
    type: Literal["batch.cancelled"]


class BatchExpired(JobEvent):
    type: Literal["batch.expired"]


class BatchFailed(JobEvent):
    type: Literal["batch.failed"]
    data: FailureData


class InteractionRequiresAction(JobEvent):
    type: Literal["interaction.requires_action"]


class InteractionCompleted(JobEvent):
    type: Literal["interaction.completed"]


class InteractionFailed(JobEvent):
    type: Literal["interaction.failed"]
    data: FailureData


class InteractionCancelled(JobEvent):
    type: Literal["interaction.cancelled"]


class VideoGenerated(JobEvent):
    type: Literal["video.generated"]
    data: VideoData


EVENT_MODELS: Mapping[str, type[JobEvent]] = {
    "batch.succeeded": BatchSucceeded,
    "batch.cancelled": BatchCancelled,
    "batch.expired": BatchExpired,
    "batch.failed": BatchFailed,
    "interaction.requires_action": InteractionRequiresAction,
    "interaction.completed": InteractionCompleted,
    "interaction.failed": InteractionFailed,
    "interaction.cancelled": InteractionCancelled,
    "video.generated": VideoGenerated,
}
"""Type → model, of every type the documentation lists."""


class OtherEvent(_Model):
    """A type that the documentation does not list. Nothing about its payload is promised."""

    type: Annotated[str, WithJsonSchema({"type": "string", "not": {"enum": [*EVENT_MODELS]}})]
    data: JsonValue = None


_OTHER = "other"


def _tag(event: object) -> str:
    kind = event.get("type") if isinstance(event, dict) else getattr(event, "type", None)
    return kind if isinstance(kind, str) and kind in EVENT_MODELS else _OTHER


GeminiEvent = Annotated[
    Annotated[BatchSucceeded, Tag("batch.succeeded")]
    | Annotated[BatchCancelled, Tag("batch.cancelled")]
    | Annotated[BatchExpired, Tag("batch.expired")]
    | Annotated[BatchFailed, Tag("batch.failed")]
    | Annotated[InteractionRequiresAction, Tag("interaction.requires_action")]
    | Annotated[InteractionCompleted, Tag("interaction.completed")]
    | Annotated[InteractionFailed, Tag("interaction.failed")]
    | Annotated[InteractionCancelled, Tag("interaction.cancelled")]
    | Annotated[VideoGenerated, Tag("video.generated")]
    | Annotated[OtherEvent, Tag(_OTHER)],
    Discriminator(_tag),
]
"""Any event, by its ``type``."""

EVENT: TypeAdapter[GeminiEvent] = TypeAdapter(GeminiEvent)
"""Validates and describes GeminiEvent."""


def parse(body: bytes | str) -> GeminiEvent:
    """A body as a typed event.

    Raises:
        ValueError: it is not JSON, no object with a ``type``, or an event of a listed type without what all have
            (pydantic.ValidationError, which says what is missing).
    """
    return EVENT.validate_json(body)
