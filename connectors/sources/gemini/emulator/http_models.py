"""Models, and the video operations they start: ``client.models``, ``client.operations``."""

from starlette.requests import Request
from starlette.routing import Route

from connectors.sources.gemini.emulator import shapes
from connectors.sources.gemini.emulator.emulator import Emulator
from connectors.sources.gemini.emulator.http_bodies import Json, body_of, page
from connectors.sources.gemini.emulator.requests import CreateVideo, GenerateContent, page_before, page_size, parse
from connectors.sources.gemini.emulator.results import generated_content

_PAGE = 50
_SHOWN = ("gemini-3.6-flash", "gemini-2.5-flash", "veo-3.1-generate-preview")
"""Models that are listed; any other name is answered for as well."""


def routes(emulator: Emulator) -> list[Route]:
    jobs, base_url = emulator.jobs, emulator.settings.base_url

    async def create(request: Request) -> Json:
        wanted = parse(CreateVideo, await body_of(request))
        job = jobs.create_video(request.path_params["model"], wanted)
        emulator.wake()
        return Json(shapes.video_operation(job, base_url))

    async def generate(request: Request) -> Json:
        wanted = parse(GenerateContent, await body_of(request))
        model = request.path_params["model"]
        return Json(generated_content({"contents": wanted.contents}, model))

    async def operation(request: Request) -> Json:
        model, number = request.path_params["model"], request.path_params["id"]
        return Json(shapes.video_operation(jobs.poll(f"models/{model}/operations/{number}"), base_url))

    async def operations(request: Request) -> Json:
        query, prefix = request.query_params, f"models/{request.path_params['model']}/operations/"
        found, older = jobs.page(page_size(query, _PAGE), page_before(query), prefix)
        return page("operations", [shapes.video_operation(job, base_url) for job in found], older)

    async def listed(_request: Request) -> Json:
        return page("models", [shapes.model(name) for name in _SHOWN], None)

    async def get(request: Request) -> Json:
        return Json(shapes.model(request.path_params["model"]))

    return [
        Route("/models/{model}:predictLongRunning", create, methods=["POST"]),
        Route("/models/{model}:generateContent", generate, methods=["POST"]),
        Route("/models/{model}/operations/{id}", operation),
        Route("/models/{model}/operations", operations),
        Route("/models", listed),
        Route("/models/{model}", get),
    ]
