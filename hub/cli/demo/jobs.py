"""Long jobs of the Gemini API, submitted with its own client to the emulator: each tells the hub when it ends."""

import asyncio
import importlib.util
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from hub.client import Event, aio

SPEED = 120
"""How much faster than real time the emulator's jobs go: a batch of ten minutes takes five seconds."""

POLLED_EVERY = 10.0
"""Seconds between two requests of a program that polls, as in Google's examples."""

SOURCE = "gemini-jobs"

_TIMEOUT = 60.0
_MODEL, _VIDEO_MODEL = "gemini-2.5-flash", "veo-3.1-generate-preview"


@dataclass(frozen=True, slots=True)
class Submitted:
    """``metadata`` is what the job carries, and every event of it."""

    kind: str
    name: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ended:
    """``effect``: milliseconds from the job's end until its row was in the database. ``polls``: the requests that asked
    for it; ``would_be``: those of a program that polls.
    """

    job: Submitted
    event: Event
    effect: float
    polls: int
    would_be: int


def can_submit() -> bool:
    """Whether the client is installed: ``pip install 'event-hub[gemini]'``."""
    try:
        return importlib.util.find_spec("google.genai") is not None
    except ModuleNotFoundError:
        return False


async def submit(emulator: str, hub: str) -> Sequence[Submitted]:
    """A batch, a background interaction and a video, each with an address of its own at the hub and metadata."""

    def webhook(metadata: Mapping[str, str]) -> dict[str, Any]:
        return {"uris": [f"{hub}/in/{SOURCE}/{metadata['team']}"], "user_metadata": dict(metadata)}

    search, research, film = (
        {"team": "search", "priority": "low"},
        {"team": "research", "priority": "high"},
        {"team": "film", "priority": "low"},
    )
    batch, interaction = await asyncio.to_thread(_with_the_client, emulator, webhook(search), webhook(research))
    video = {"instances": [{"prompt": "a river at dawn"}], "webhookConfig": webhook(film)}
    path = f"/v1beta/models/{_VIDEO_MODEL}:predictLongRunning"  # the client itself refuses it outside of Vertex
    answer = await _ask(emulator, path, video)
    return [
        Submitted("batch", batch, search),
        Submitted("interaction", interaction, research),
        Submitted("video", answer["name"], film),
    ]


async def await_end(job: Submitted, emulator: str, api: str) -> Ended:
    """Wait for the event of its end, and look at what became of it."""
    async with aio.Hub(api) as hub:
        event = await hub.wait(job.name, source=SOURCE, timeout=_TIMEOUT)
    async with asyncio.timeout(_TIMEOUT):
        while not (rows := await _outcomes(api, event)):  # noqa: ASYNC110  (of another process)
            await asyncio.sleep(0.02)
    [told] = [one for one in (await _ask(emulator, "/emulator/jobs"))["jobs"] if one["name"] == job.name]
    lasted = (told["ended_at"] - told["created_at"]) * SPEED
    effect = (min(rows) - told["ended_at"]) * 1000
    return Ended(job, event, effect, told["polls"], round(lasted / POLLED_EVERY))


async def _outcomes(api: str, event: Event) -> list[float]:
    """When its row was written, in seconds since 1970."""
    life = await _ask(api, f"/events/{event.source}/{event.id}")
    return [
        datetime.fromisoformat(one["ended"]).timestamp()
        for one in life["outcomes"]
        if (one["destination"], one["state"]) == ("warehouse", "delivered")
    ]


def _with_the_client(emulator: str, batch_webhook: Any, interaction_webhook: Any) -> tuple[str, str]:
    """The names of a batch and an interaction. Only the client's base URL is set."""
    genai = importlib.import_module("google.genai")
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line for each request
    client = genai.Client(api_key="any", http_options={"base_url": emulator})
    try:
        questions = ["What is a webhook?", "What is an event?"]
        batch = client.batches.create(
            model=_MODEL,
            src=[{"contents": [{"parts": [{"text": question}], "role": "user"}]} for question in questions],
            config={"display_name": "nightly", "webhook_config": batch_webhook},
        )
        interaction = client.interactions.create(
            model=_MODEL, input="Compare three queues.", background=True, webhook_config=interaction_webhook
        )
        return str(batch.name), str(interaction.id)
    finally:
        client.close()


async def _ask(base: str, path: str, body: Any = None) -> Any:
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
    async with (
        aiohttp.ClientSession(headers={"x-goog-api-key": "any"}, timeout=timeout) as session,
        session.request("GET" if body is None else "POST", base + path, json=body) as answer,
    ):
        answer.raise_for_status()
        return await answer.json()
