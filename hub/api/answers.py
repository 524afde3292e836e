"""What is answered: JSON, and errors as the ingress words them: ``{"error": <code>, "message": <what to do>}``."""

from collections.abc import Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response

from hub.log.position import Position
from hub.log.reader import StoredEvent
from schemas.event_json import event_to_json
from schemas.exact_json import dumps

POSITION = "hub-position"
"""The header that says how far an answer reaches; ``after`` takes it."""


class ApiError(Exception):
    """Why a request gets no answer. The message goes to the caller."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    data = content if isinstance(content, bytes) else dumps(content, option=orjson.OPT_UTC_Z)
    return Response(data, status, {**(headers or {}), "cache-control": "no-store"}, media_type="application/json")


def error_answer(error: ApiError) -> Response:
    return json_answer({"error": error.code, "message": error.message}, error.status, error.headers)


async def respond(_: Request, error: Exception) -> Response:
    """Starlette's handler for ApiError."""
    assert isinstance(error, ApiError)
    return error_answer(error)


def event_json(stored: StoredEvent) -> bytes:
    found = event_to_json(stored.event, partition=stored.partition, offset=stored.offset)
    return dumps(found, option=orjson.OPT_UTC_Z)


def positioned(position: Position) -> dict[str, str]:
    return {POSITION: str(position)}
