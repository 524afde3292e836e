"""Files: ``client.files``. Uploads are resumable ones, which is what the clients do."""

import re
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.sources.gemini.emulator import shapes
from connectors.sources.gemini.emulator.emulator import Emulator
from connectors.sources.gemini.emulator.errors import InvalidArgumentError, NotFoundError, UnimplementedError
from connectors.sources.gemini.emulator.files import MAX_FILE, new_id
from connectors.sources.gemini.emulator.http_bodies import Json, body_of, page
from connectors.sources.gemini.emulator.requests import CreateFile, page_before, page_size, parse

_PAGE = 10
_MOST_UPLOADS = 20
UPLOAD_ID = "upload_id"
"""The parameter of an upload's URL that says which one goes on; such requests carry no API key."""
_ANY_TYPE = "application/octet-stream"


@dataclass(slots=True)
class _Upload:
    """One that has begun. It lives in memory: after a restart the client begins anew."""

    wanted: CreateFile
    mime_type: str
    content: bytearray = field(default_factory=bytearray)


def routes(emulator: Emulator) -> list[Route]:
    files = emulator.files

    def name(request: Request) -> str:
        return f"files/{request.path_params['id']}"

    async def listed(request: Request) -> Json:
        query = request.query_params
        found, older = files.page(page_size(query, _PAGE), page_before(query))
        shown = [shapes.file(each, emulator.clock, emulator.settings.base_url) for each in found]
        return page("files", shown, older)

    async def get(request: Request) -> Json:
        return Json(shapes.file(files.get(name(request)), emulator.clock, emulator.settings.base_url))

    async def download(request: Request) -> Response:
        record, content = files.download(name(request))
        return Response(content, media_type=record.mime_type)

    async def delete(request: Request) -> Json:
        files.delete(name(request))
        return Json({})

    return [
        Route("/files", listed),
        Route("/files/{id}:download", download),
        Route("/files/{id}", get),
        Route("/files/{id}", delete, methods=["DELETE"]),
    ]


def upload_routes(emulator: Emulator) -> list[Route]:
    """What stands below ``/upload/v1`` and ``/upload/v1beta``."""
    uploads: dict[str, _Upload] = {}

    async def begin(request: Request) -> Response:
        if "start" not in _commands(request):
            raise UnimplementedError("This emulator takes resumable uploads only: X-Goog-Upload-Command: start.")
        wanted = parse(CreateFile, await body_of(request))
        mime_type = request.headers.get("x-goog-upload-header-content-type") or wanted.file.mime_type or _ANY_TYPE
        while len(uploads) >= _MOST_UPLOADS:
            del uploads[next(iter(uploads))]  # the oldest: its client has most likely gone
        upload_id = new_id(24)
        uploads[upload_id] = _Upload(wanted, mime_type)
        url = f"{emulator.settings.base_url}{request.url.path}?{UPLOAD_ID}={upload_id}"
        return Json({}, headers={"x-goog-upload-url": url, "x-goog-upload-status": "active"})

    async def go_on(request: Request, upload_id: str) -> Response:
        upload = uploads.get(upload_id)
        if upload is None:
            raise NotFoundError("There is no such upload; begin it anew.")
        piece = await body_of(request, MAX_FILE)
        offset = request.headers.get("x-goog-upload-offset", "0")
        if not re.fullmatch(r"[0-9]{1,15}", offset) or int(offset) != len(upload.content):
            raise InvalidArgumentError(f"The upload stands at byte {len(upload.content)}, not at {offset}.")
        if len(upload.content) + len(piece) > MAX_FILE:
            raise InvalidArgumentError(f"This emulator keeps files of up to {MAX_FILE} bytes.")
        upload.content += piece
        if "finalize" not in _commands(request):
            return Json({}, headers={"x-goog-upload-status": "active"})
        made = emulator.files.add(
            bytes(upload.content),
            upload.mime_type,
            name=upload.wanted.file.name,
            display_name=upload.wanted.file.display_name,
        )
        del uploads[upload_id]
        shown = shapes.file(made, emulator.clock, emulator.settings.base_url)
        return Json({"file": shown}, headers={"x-goog-upload-status": "final"})

    async def upload(request: Request) -> Response:
        upload_id = request.query_params.get(UPLOAD_ID)
        return await (go_on(request, upload_id) if upload_id else begin(request))

    return [Route("/files", upload, methods=["POST"])]


def _commands(request: Request) -> set[str]:
    return {command.strip() for command in request.headers.get("x-goog-upload-command", "").split(",")}
