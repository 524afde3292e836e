"""How a job goes, and what is told about it (pure)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from connectors.sources.gemini.emulator.clock import timestamp
from connectors.sources.gemini.emulator.records import Job, JobKind, Outcome

EVENTS: Mapping[JobKind, Mapping[Outcome, str | None]] = {
    JobKind.BATCH: {
        Outcome.SUCCEED: "batch.succeeded",
        Outcome.FAIL: "batch.failed",
        Outcome.EXPIRE: "batch.expired",
        Outcome.CANCEL: "batch.cancelled",
    },
    JobKind.INTERACTION: {
        Outcome.SUCCEED: "interaction.completed",
        Outcome.FAIL: "interaction.failed",
        Outcome.CANCEL: "interaction.cancelled",
        Outcome.REQUIRE_ACTION: "interaction.requires_action",
    },
    JobKind.VIDEO: {Outcome.SUCCEED: "video.generated", Outcome.FAIL: None},
}
"""The outcomes a kind of job can have, and the event of each. A failed video has none: Google's catalogue lists
nothing for it, only its operation shows it.
"""
PING = "webhook.ping"
"""Emulator-specific: what a ping's delivery says is undocumented."""
EVENT_TYPES = frozenset(name for events in EVENTS.values() for name in events.values() if name)
EXPIRES_AFTER = 48 * 3600.0
"""Emulated seconds after which a batch that has not ended expires; Google's clients say 48 hours, its guide 24."""
_PENDING_SHARE = 0.2  # of its duration a batch is pending, then it runs


class MetadataPlace(StrEnum):
    """Where ``user_metadata`` stands in an event; Google's documentation does not say."""

    TOP = "top"
    DATA = "data"


class IdForm(StrEnum):
    """``data.id`` as the resource name (``batches/123``) or its last part (``123``); not documented either."""

    NAME = "name"
    LAST_PART = "last-part"


def begins(created: float, due: float) -> float:
    """When a job created now leaves the pending state; emulated seconds."""
    return created + (due - created) * _PENDING_SHARE


def ended(job: Job, outcome: Outcome, *, wall: float, output_file: str | None = None, failed_requests: int = 0) -> Job:
    """The job at its end. ``planned`` is what it came to, too, so that nothing shows two outcomes."""
    return job.model_copy(
        update={
            "outcome": outcome,
            "planned": outcome,
            "ended_at": wall,
            "output_file": output_file,
            "failed_requests": failed_requests,
        }
    )


def event_type(job: Job) -> str | None:
    """The event of a job that has ended."""
    assert job.outcome is not None
    return EVENTS[job.job_kind][job.outcome]


def event_body(job: Job, *, base_url: str, place: MetadataPlace, form: IdForm) -> dict[str, Any]:
    """The thin payload: what happened to which job, and where its result is. ``timestamp`` is the job's end."""
    assert job.ended_at is not None
    data: dict[str, Any] = {"id": job.name if form is IdForm.NAME else job.name.rpartition("/")[2]}
    if job.output_file and job.job_kind is JobKind.BATCH:
        data["output_file_uri"] = job.output_file
    elif job.output_file:
        data |= {"output_file_uri": download_uri(base_url, job.output_file), "file_name": job.output_file}
    if job.outcome is Outcome.FAIL:
        data |= {"error_code": job.failure.code, "error_message": job.failure.message}
    body = {"type": event_type(job), "version": "v1", "timestamp": timestamp(job.ended_at), "data": data}
    if job.webhook and job.webhook.uris and job.webhook.user_metadata:
        (body if place is MetadataPlace.TOP else data)["user_metadata"] = job.webhook.user_metadata
    return body


def ping_body(webhook_id: str, wall: float) -> dict[str, Any]:
    return {"type": PING, "version": "v1", "timestamp": timestamp(wall), "data": {"id": webhook_id}}


def download_uri(base_url: str, file_name: str) -> str:
    return f"{base_url}/v1beta/{file_name}:download?alt=media"
