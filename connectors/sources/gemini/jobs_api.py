"""Jobs of the Gemini API that have ended, by the official client. It lists batches only; others are asked by name."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from connectors.reconciliation import EndedJob
from connectors.sources.gemini.account import GeminiAccount
from connectors.sources.gemini.ended import Ended, ended_batch, ended_interaction, ended_video

if TYPE_CHECKING:
    from google import genai
    from google.genai import types

_PAGE = 100
_LONGEST_JOB = timedelta(hours=72)
"""Batches expire after 48 hours at most; what was created that long before ``since`` ended before it, too."""


class GeminiJobs:
    def __init__(self, account: GeminiAccount) -> None:
        self._account = account

    async def ended(self, since: datetime, names: Sequence[str]) -> AsyncIterator[EndedJob]:
        """See `Reconciler.ended`. A name that the API does not know raises SenderApiError; that is the last thing."""
        for found in await self._account.call(lambda client: _batches(client, since)):
            yield found.event()
        for name in names:
            ended = await self._account.call(lambda client, name=name: _one(client, name))  # type: ignore[misc]  # mypy infers no lambda with a default
            if ended is not None:
                yield ended.event()


def _batches(client: "genai.Client", since: datetime) -> list[Ended]:
    found: list[Ended] = []
    pager = client.batches.list(config={"page_size": _PAGE})
    newest_first = True
    while True:
        page = list(pager.page)
        found += [
            ended
            for job in page
            for ended in (_batch(job),)
            if ended is not None and (ended.at is None or ended.at >= since)
        ]
        created = [job.create_time for job in page if job.create_time is not None]
        # The order is not documented: read on to the end where it is another.
        newest_first = newest_first and created == sorted(created, reverse=True)
        if newest_first and created and created[-1] < since - _LONGEST_JOB:
            return found
        try:
            pager.next_page()
        except IndexError:  # how the client says that there are no more
            return found


def _one(client: "genai.Client", name: str) -> Ended | None:
    if name.startswith("batches/"):
        return _batch(client.batches.get(name=name))
    if "/operations/" in name:
        return _video(client, name)
    interaction = client.interactions.get(name.removeprefix("interactions/"))
    return ended_interaction(interaction.model_dump(mode="json"))


def _batch(job: "types.BatchJob") -> Ended | None:
    output = job.dest.file_name if job.dest else None
    state = job.state.value if job.state else ""
    return ended_batch(job.name or "", state, job.end_time or job.update_time, output)


def _video(client: "genai.Client", name: str) -> Ended | None:
    from google.genai import types  # noqa: PLC0415  (an optional dependency)

    asked = types.GenerateVideosOperation()
    asked.name = name
    operation = client.operations.get(asked)
    if not operation.done:
        return None
    return ended_video(name, operation.error, next(_uris(operation), None))


def _uris(operation: Any) -> Iterator[str]:
    for generated in (operation.response.generated_videos if operation.response else None) or []:
        if generated.video and generated.video.uri:
            yield generated.video.uri
