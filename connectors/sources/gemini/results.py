"""``enrich: gemini-result``: what a Gemini event points at, by plain GET requests; the official client is not needed.

An event is signed by Google, yet any customer of Google may have a job's webhook sent here. So an event only ever names
an id, which is asked for at ``base_url``, and what this account may not see is a bad record, never an outage.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from connectors.context import Context
from connectors.enrichment import JSON, JSONL, Enricher, Enrichment, FetchLimits
from connectors.errors import BadRecordError, DestinationDownError, RetryableError
from connectors.sources.gemini.api_config import GOOGLE, GeminiApiConfig
from connectors.sources.gemini.fetch import GeminiGet
from schemas.event import Event
from schemas.gemini import job_id

_FILE = re.compile(r"(?:^|/)files/([A-Za-z0-9_-]{1,128})(?=$|[/:?])")
_ID = re.compile(r"[A-Za-z0-9_-]{1,1024}")


class GeminiResults(Enricher):
    """Beside a source that says what ``account`` is; a batch's results are lines of JSON, all else is one document."""

    enrichment = "gemini-result"

    account: GeminiApiConfig
    context: Context

    async def fetch(self, event: Event, limits: FetchLimits) -> Enrichment | None:
        kind, _, end = event.type.partition(".")
        data = _data(event)
        if kind == "interaction":
            path = f"interactions/{_id(data)}?stream=false"
            return await self._asking(limits, lambda get: _document(get, path))
        if (kind, end) == ("batch", "succeeded"):
            return await self._asking(limits, lambda get: _batch(get, data))
        if (kind, end) == ("video", "generated"):
            file = _file_of(data.get("file_name")) or _file_of(data.get("output_file_uri"))
            if file is None:
                raise BadRecordError("the event names no file of the Files API")
            return await self._asking(limits, lambda get: _document(get, f"files/{file}"))
        return None

    async def _asking(self, limits: FetchLimits, ask: Callable[[GeminiGet], Awaitable[Enrichment]]) -> Enrichment:
        if self.account.api_key is None:
            raise DestinationDownError(
                f"results cannot be fetched: set GEMINI_API_KEY, or `api_key` of the source {self.context.name}"
            )
        headers = {"x-goog-api-key": self.account.api_key.get_secret_value()}
        async with self.context.http.session(timeout=limits.timeout, headers=headers) as session:
            return await ask(GeminiGet(session, f"{self.account.base_url or GOOGLE}/v1", limits.max_size))


async def _document(get: GeminiGet, path: str) -> Enrichment:
    return Enrichment(JSON, await get.read(path))


async def _batch(get: GeminiGet, data: dict[str, Any]) -> Enrichment:
    file = _file_of(data.get("output_file_uri"))
    if file is None:  # its requests were inline, or the event names it in another way
        job = f"batches/{_id(data)}"
        output = _output(await get.read(job))
        file = _file_of(output.get("responsesFile"))
        if file is None:
            inline = output.get("inlinedResponses")
            answers = inline.get("inlinedResponses") if isinstance(inline, dict) else None
            if not isinstance(answers, list):
                raise RetryableError(f"{job} has no output")
            return Enrichment(JSON, orjson.dumps(answers))
    return Enrichment(JSONL, await get.read(f"files/{file}:download?alt=media"))


def _output(operation: bytes) -> dict[str, Any]:
    try:
        output = orjson.loads(operation)["metadata"]["output"]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return {}
    return output if isinstance(output, dict) else {}


def _data(event: Event) -> dict[str, Any]:
    try:
        data = orjson.loads(event.body)["data"]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        data = None
    if not isinstance(data, dict):
        raise BadRecordError("the event has no `data`, so it points at nothing")
    return data


def _id(data: dict[str, Any]) -> str:
    """The last part of the job's name: what is before it is known by the event's type."""
    written = data.get("id")
    job = job_id(str(written)) if isinstance(written, str | int) else ""
    if not _ID.fullmatch(job):
        raise BadRecordError("`data.id` of the event is no id of a job")
    return job


def _file_of(name: object) -> str | None:
    """``abc`` in ``files/abc`` and in ``https://…/files/abc:download?alt=media``: never the host before it."""
    found = _FILE.search(name) if isinstance(name, str) else None
    return found[1] if found else None
