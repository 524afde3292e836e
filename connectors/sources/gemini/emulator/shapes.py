"""Records as the API answers them (pure)."""

from typing import Any

from connectors.sources.gemini.emulator.clock import Clock, timestamp
from connectors.sources.gemini.emulator.lifecycle import download_uri
from connectors.sources.gemini.emulator.records import Job, Outcome, StoredFile, Webhook

_RPC_INTERNAL = 13  # google.rpc.Code; operations carry the number
_BATCH_STATES = {
    Outcome.SUCCEED: "BATCH_STATE_SUCCEEDED",
    Outcome.FAIL: "BATCH_STATE_FAILED",
    Outcome.EXPIRE: "BATCH_STATE_EXPIRED",
    Outcome.CANCEL: "BATCH_STATE_CANCELLED",
}
_INTERACTION_STATES = {
    None: "in_progress",
    Outcome.SUCCEED: "completed",
    Outcome.FAIL: "failed",
    Outcome.CANCEL: "cancelled",
    Outcome.REQUIRE_ACTION: "requires_action",
}


def batch_operation(job: Job, clock: Clock, inline: list[Any] | None) -> dict[str, Any]:
    """``inline``: the answers of a batch whose requests were inline."""
    metadata: dict[str, Any] = {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
        "name": job.name,
        "model": job.model,
        "displayName": job.display_name,
        "state": _batch_state(job, clock.now()),
        "createTime": timestamp(job.created_at),
        "updateTime": timestamp(job.ended_at or job.created_at),
        "batchStats": _batch_stats(job),
    }
    operation: dict[str, Any] = {"name": job.name, "metadata": metadata}
    if job.outcome is None:
        return operation
    metadata["endTime"] = timestamp(job.ended_at or job.created_at)
    operation["done"] = True
    if job.outcome is Outcome.SUCCEED:
        metadata["output"] = (
            {"responsesFile": job.output_file}
            if job.output_file
            else {"inlinedResponses": {"inlinedResponses": inline or []}}
        )
        operation["response"] = {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatchOutput",
            **metadata["output"],
        }
    elif job.outcome is Outcome.FAIL:
        operation["error"] = _operation_error(job)
    return operation


def interaction(job: Job, request: dict[str, Any], result: dict[str, Any] | None) -> dict[str, Any]:
    """``request``: as its creator wrote it, of which the named parts are echoed; ``result``: its steps and usage."""
    echoed = ("model", "agent", "webhook_config", "previous_interaction_id", "labels", "system_instruction", "tools")
    shown = {
        "id": job.name,
        "object": "interaction",
        "status": _INTERACTION_STATES[job.outcome],
        "created": timestamp(job.created_at),
        "updated": timestamp(job.ended_at or job.created_at),
        **{name: request[name] for name in echoed if name in request},
        **(result or {}),
    }
    if job.outcome is Outcome.FAIL:
        shown["errors"] = [{"code": job.failure.code, "message": job.failure.message}]
    return shown


def video_operation(job: Job, base_url: str) -> dict[str, Any]:
    operation: dict[str, Any] = {"name": job.name}
    if job.outcome is Outcome.SUCCEED and job.output_file:
        sample = {"video": {"uri": download_uri(base_url, job.output_file)}}
        response = {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse",
            "generateVideoResponse": {"generatedSamples": [sample]},
        }
        operation |= {"done": True, "response": response}
    elif job.outcome is not None:
        operation |= {"done": True, "error": _operation_error(job)}
    return operation


def webhook(record: Webhook, clock: Clock, *, new_secret: str | None = None) -> dict[str, Any]:
    """``new_secret``: in the answer of `create` alone is a secret ever shown whole."""
    shown: dict[str, Any] = {
        "id": record.id,
        "name": record.name,
        "uri": record.uri,
        "subscribed_events": list(record.subscribed_events),
        "state": record.state.value,
        "create_time": timestamp(record.created_at),
        "update_time": timestamp(record.updated_at),
        "signing_secrets": [
            {
                "truncated_secret": f"whsec_...{secret.value[-4:]}",
                **({} if secret.expires is None else {"expire_time": timestamp(clock.wall_at(secret.expires))}),
            }
            for secret in record.secrets
        ],
    }
    return shown | ({"new_signing_secret": new_secret} if new_secret else {})


def file(record: StoredFile, clock: Clock, base_url: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": record.name,
        "displayName": record.display_name,
        "mimeType": record.mime_type,
        "sizeBytes": str(record.size),
        "createTime": timestamp(record.created_at),
        "updateTime": timestamp(record.created_at),
        "expirationTime": timestamp(clock.wall_at(record.expires)),
        "sha256Hash": record.sha256,
        "uri": f"{base_url}/v1beta/{record.name}",
        "state": "ACTIVE",
        "source": "GENERATED" if record.generated else "UPLOADED",
    }
    return shown | ({"downloadUri": download_uri(base_url, record.name)} if record.generated else {})


def model(name: str) -> dict[str, Any]:
    """Any model there could be: the emulator answers for all of them."""
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "description": "Emulated.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "batchGenerateContent", "predictLongRunning"],
    }


def _batch_state(job: Job, now: float) -> str:
    if job.outcome is not None:
        return _BATCH_STATES[job.outcome]
    return "BATCH_STATE_PENDING" if now < job.begins else "BATCH_STATE_RUNNING"


def _batch_stats(job: Job) -> dict[str, str]:
    """64-bit numbers are strings in Google's JSON."""
    if job.outcome is not Outcome.SUCCEED:
        return {"requestCount": str(job.requests), "pendingRequestCount": str(job.requests)}
    good = job.requests - job.failed_requests
    return {
        "requestCount": str(job.requests),
        "successfulRequestCount": str(good),
        "failedRequestCount": str(job.failed_requests),
    }


def _operation_error(job: Job) -> dict[str, Any]:
    return {"code": _RPC_INTERNAL, "message": job.failure.message}
