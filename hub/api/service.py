"""The handlers of the endpoints."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import asdict
from datetime import datetime
from typing import NoReturn

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from hub.api.answers import ApiError, event_json, json_answer, positioned
from hub.api.interest import Interest
from hub.api.journal import Journal, PositionLostError
from hub.api.listing import newest
from hub.api.parameters import Given
from hub.api.streams import Streams
from hub.config.model import Configuration
from hub.ledger.life import life_of
from hub.ledger.observe import observe
from hub.ledger.standing import KnownSecret, stand
from hub.ledger.store import Store
from hub.log.connection import KafkaConnection
from hub.log.live import LiveLog
from hub.log.position import Position, PositionError
from hub.log.reader import LogReader
from hub.log.records import partition_for
from hub.log.scanner import SKEW
from schemas.event_json import event_to_json

_PATIENCE = 5.0  # seconds between two looks at the clock


class Service:
    """For one event loop; every handler may be called concurrently."""

    def __init__(
        self,
        configuration: Configuration,
        kafka: KafkaConnection,
        store: Store,
        live: LiveLog,
        journal: Journal,
        streams: Streams,
        known: Callable[[], Sequence[KnownSecret]],
    ) -> None:
        self._configuration = configuration
        self._kafka = kafka
        self._store = store
        self._live = live
        self._journal = journal
        self._streams = streams
        self._known = known
        self._connectors = {name: entry.connector for name, entry in configuration.sources.items()}
        self._terminal = {name: one.terminal_types for name, one in self._connectors.items() if one.terminal_types}

    # -- events

    async def list_events(self, _: Request, given: Given) -> Response:
        starts = await self._live.at(given["since"])
        ends = self._live.ends if given["until"] is None else await self._until(given["until"])
        interest = self._interest(given)
        partitions = self._partitions(interest)
        listing = await newest(
            self._journal,
            {partition: starts[partition] for partition in partitions},
            ends,
            interest,
            given["since"],
            given["until"],
            given["limit"],
        )
        events = b",".join(map(event_json, listing.events))
        return json_answer(b'{"events":[%s],"complete":%s}' % (events, b"true" if listing.complete else b"false"))

    async def stream(self, request: Request, given: Given) -> StreamingResponse:
        interest = self._interest(given)
        text = request.headers.get("last-event-id") or given["after"]
        position = await self._position(text, given["since"])
        return self._streams.answer(self._journal, position, interest, self._partitions(interest))

    async def show(self, request: Request, _: Given) -> Response:
        source, event_id = request.path_params["source"], request.path_params["id"]
        found = await asyncio.to_thread(LogReader(self._kafka, self._configuration.topics).find, event_id, source)
        if not found:
            raise ApiError(404, "no-such-event", "the log has no such event; it may be older than log.retention")
        stored = max(found, key=lambda one: (one.event.received, one.partition, one.offset))
        life = await life_of(stored, self._kafka, self._configuration.topics)
        event = event_to_json(stored.event, partition=stored.partition, offset=stored.offset)
        return json_answer({**event, "decision": life.decision, **asdict(life)})

    async def wait(self, _: Request, given: Given) -> Response:
        if not given["job"]:
            raise ApiError(400, "bad-parameter", "job is missing: the id of the job to wait for")
        interest = self._ending(given["job"], given["source"], given["type"])
        position = await self._position(given["after"], given["since"])
        deadline = asyncio.get_running_loop().time() + given["timeout"]
        steps = self._journal.follow(position, interest, self._partitions(interest), patience=_PATIENCE)
        async with aclosing(steps):
            try:
                async with asyncio.timeout_at(deadline):
                    async for step in steps:
                        position = step.position
                        if step.event is not None:
                            return json_answer(event_json(step.event), headers=positioned(position))
                        if self._streams.ending:
                            break
            except TimeoutError:
                pass
            except PositionLostError as error:
                _gone(error)
        return Response(status_code=204, headers=positioned(position))

    # -- the hub

    async def status(self, _: Request, __: Given) -> Response:
        configuration = self._configuration
        seen = await observe(
            self._kafka,
            configuration.topics,
            self._store,
            list(configuration.destinations),
            None,
            secrets=await asyncio.to_thread(self._known),
        )
        standing = stand(seen)
        return json_answer({"well": not standing.problems, "summary": standing.summary, "standing": standing})

    async def readyz(self, _: Request, __: Given) -> Response:
        if self._live.failure is not None or self._streams.ending:
            raise ApiError(503, "not-ready", "it is about to end")
        await self._live.first()
        return PlainTextResponse("ok")

    # -- what a request means

    def _interest(self, given: Given) -> Interest:
        return Interest(
            sources=frozenset(given["source"]),
            types=tuple(given["type"]),
            subjects=frozenset(form for name in given["subject"] for form in self._forms(name, given["source"])),
            endpoints=frozenset(given["endpoint"]),
        )

    def _ending(self, job: str, sources: list[str], types: list[str]) -> Interest:
        if not types and not self._terminal:
            message = "no source here says which of its types end something; say it with `type`"
            raise ApiError(400, "bad-parameter", message)
        subjects = frozenset(self._forms(job, sources))
        return Interest(frozenset(sources), tuple(types), subjects, terminal=None if types else self._terminal)

    def _forms(self, name: str, sources: list[str]) -> Iterable[str]:
        """A subject as it is given, and as the sources would call it."""
        asked = [one for source, one in self._connectors.items() if not sources or source in sources]
        return {name, *(one.subject_of(name) for one in asked)}

    def _partitions(self, interest: Interest) -> list[int]:
        """Where such events are: all of one subject are in one partition."""
        count = self._journal.partitions
        return sorted({partition_for(one, count) for one in interest.subjects}) or list(range(count))

    async def _position(self, text: str | None, since: datetime | None) -> Position:
        if text is None:
            return self._journal.now() if since is None else self._at(await self._live.at(since))
        try:
            position = self._journal.position(text)
        except PositionError as error:
            raise ApiError(400, "bad-position", str(error)) from None
        first, last = await self._live.first(), await self._live.last()
        if any(offset < first[partition] for partition, offset in enumerate(position.offsets)):
            _gone("what follows this position is older than log.retention, and deleted")
        if any(offset > last[partition] for partition, offset in enumerate(position.offsets)):
            _gone("the log ends before this position: it has lost its end")
        return position

    def _at(self, offsets: dict[int, int]) -> Position:
        return Position.of(self._journal.incarnation, offsets)

    async def _until(self, moment: datetime) -> dict[int, int]:
        return await self._live.at(moment + SKEW)


def _gone(why: object) -> NoReturn:
    raise ApiError(410, "position-gone", f"{why}; begin without a position")
