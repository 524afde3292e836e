"""WebhookService: ``client.webhooks``."""

from starlette.requests import Request
from starlette.routing import Route

from connectors.sources.gemini.emulator import shapes
from connectors.sources.gemini.emulator.emulator import Emulator
from connectors.sources.gemini.emulator.http_bodies import Json, body_of, page
from connectors.sources.gemini.emulator.requests import (
    CreateWebhook,
    Message,
    RotateSecret,
    UpdateWebhook,
    page_before,
    page_size,
    parse,
)

_PAGE = 50


def routes(emulator: Emulator) -> list[Route]:
    webhooks, clock = emulator.webhooks, emulator.clock

    async def create(request: Request) -> Json:
        made, secret = webhooks.create(parse(CreateWebhook, await body_of(request)))
        return Json(shapes.webhook(made, clock, new_secret=secret))

    async def listed(request: Request) -> Json:
        query = request.query_params
        found, older = webhooks.page(page_size(query, _PAGE), page_before(query))
        return page("webhooks", [shapes.webhook(each, clock) for each in found], older, camel=False)

    async def get(request: Request) -> Json:
        return Json(shapes.webhook(webhooks.get(request.path_params["id"]), clock))

    async def update(request: Request) -> Json:
        wanted = parse(UpdateWebhook, await body_of(request))
        return Json(shapes.webhook(webhooks.update(request.path_params["id"], wanted), clock))

    async def delete(request: Request) -> Json:
        webhooks.delete(request.path_params["id"])
        emulator.wake()
        return Json({})

    async def ping(request: Request) -> Json:
        """Answers at once: the delivery is made by itself, and may fail."""
        parse(Message, await body_of(request))
        emulator.deliveries.ping(webhooks.get(request.path_params["id"]))
        emulator.wake()
        return Json({})

    async def rotate(request: Request) -> Json:
        wanted = parse(RotateSecret, await body_of(request))
        return Json({"secret": webhooks.rotate(request.path_params["id"], wanted)})

    return [
        Route("/webhooks", create, methods=["POST"]),
        Route("/webhooks", listed),
        Route("/webhooks/{id}:ping", ping, methods=["POST"]),
        Route("/webhooks/{id}:rotateSigningSecret", rotate, methods=["POST"]),
        Route("/webhooks/{id}/rotate_secret", rotate, methods=["POST"]),  # as Google's guide calls it
        Route("/webhooks/{id}", get),
        Route("/webhooks/{id}", update, methods=["PATCH"]),
        Route("/webhooks/{id}", delete, methods=["DELETE"]),
    ]
