"""BatchService: ``client.batches``."""

from starlette.requests import Request
from starlette.routing import Route

from connectors.sources.gemini.emulator import shapes
from connectors.sources.gemini.emulator.emulator import Emulator
from connectors.sources.gemini.emulator.http_bodies import Json, body_of, page
from connectors.sources.gemini.emulator.records import Job, Outcome
from connectors.sources.gemini.emulator.requests import CreateBatch, page_before, page_size, parse

_PAGE = 50
_PREFIX = "batches/"


def routes(emulator: Emulator) -> list[Route]:
    jobs = emulator.jobs

    def shape(job: Job) -> dict[str, object]:
        return shapes.batch_operation(job, emulator.clock, jobs.result(job))

    def name(request: Request) -> str:
        return _PREFIX + str(request.path_params["id"])

    async def create(request: Request) -> Json:
        wanted = parse(CreateBatch, await body_of(request))
        job = jobs.create_batch(request.path_params["model"], wanted)
        emulator.wake()
        return Json(shape(job))

    async def listed(request: Request) -> Json:
        query = request.query_params
        found, older = jobs.page(page_size(query, _PAGE), page_before(query), _PREFIX)
        return page("operations", [shape(job) for job in found], older)

    async def get(request: Request) -> Json:
        return Json(shape(jobs.poll(name(request))))

    async def cancel(request: Request) -> Json:
        """Of a batch that has ended it does nothing, as it comes too late."""
        jobs.finish(jobs.get(name(request)), Outcome.CANCEL)
        emulator.wake()
        return Json({})

    async def delete(request: Request) -> Json:
        jobs.delete(jobs.get(name(request)))
        return Json({})

    return [
        Route("/models/{model}:batchGenerateContent", create, methods=["POST"]),
        Route("/models/{model}:batchCreate", create, methods=["POST"]),  # as Google's guide calls it
        Route("/batches", listed),
        Route("/batches/{id}:cancel", cancel, methods=["POST"]),
        Route("/batches/{id}", get),
        Route("/batches/{id}", delete, methods=["DELETE"]),
    ]
