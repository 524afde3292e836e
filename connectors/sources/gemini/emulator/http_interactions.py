"""Interactions: ``client.interactions``."""

import json

from starlette.requests import Request
from starlette.routing import Route

from connectors.sources.gemini.emulator import shapes
from connectors.sources.gemini.emulator.emulator import Emulator
from connectors.sources.gemini.emulator.errors import FailedPreconditionError, NotFoundError, UnimplementedError
from connectors.sources.gemini.emulator.http_bodies import Json, body_of, flag
from connectors.sources.gemini.emulator.records import Job, JobKind, Outcome
from connectors.sources.gemini.emulator.requests import CreateInteraction, parse


def routes(emulator: Emulator) -> list[Route]:
    jobs = emulator.jobs

    def shape(job: Job, *, with_input: bool = False) -> dict[str, object]:
        request = json.loads(jobs.request(job))
        shown = shapes.interaction(job, request, jobs.result(job))
        return shown | ({"input": request["input"]} if with_input else {})

    def known(request: Request) -> Job:
        job = jobs.get(request.path_params["id"])
        if job.job_kind is not JobKind.INTERACTION:
            raise NotFoundError(f"Requested entity was not found: {job.name}")
        return job

    async def create(request: Request) -> Json:
        raw = await body_of(request)
        wanted = parse(CreateInteraction, raw)
        _refuse_stream(asked=wanted.stream)
        job = jobs.create_interaction(wanted, json.loads(raw))
        emulator.wake()
        return Json(shape(job))

    async def get(request: Request) -> Json:
        _refuse_stream(asked=flag(request.query_params, "stream"))
        job = jobs.poll(known(request).name)
        return Json(shape(job, with_input=flag(request.query_params, "include_input")))

    async def cancel(request: Request) -> Json:
        job = known(request)
        if job.outcome is not None:
            raise FailedPreconditionError(f"Interaction {job.name} is not running, so it cannot be cancelled.")
        cancelled = jobs.finish(job, Outcome.CANCEL)
        emulator.wake()
        return Json(shape(cancelled))

    async def delete(request: Request) -> Json:
        jobs.delete(known(request))
        return Json({})

    return [
        Route("/interactions", create, methods=["POST"]),
        Route("/interactions/{id}/cancel", cancel, methods=["POST"]),
        Route("/interactions/{id}", get),
        Route("/interactions/{id}", delete, methods=["DELETE"]),
    ]


def _refuse_stream(*, asked: bool) -> None:
    if asked:
        raise UnimplementedError("This emulator does not stream interactions; ask with `stream=false`.")
