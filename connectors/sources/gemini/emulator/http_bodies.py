"""Requests and answers, as all routes read and write them."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from connectors.sources.gemini.emulator.errors import InvalidArgumentError
from connectors.sources.gemini.emulator.requests import MAX_REQUEST, page_token


class Json(Response):
    media_type = "application/json; charset=UTF-8"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False).encode()


async def body_of(request: Request, limit: int = MAX_REQUEST) -> bytes:
    """Raises InvalidArgumentError where it is longer than the limit, which Google does not answer with 413 either."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise InvalidArgumentError(f"Request payload size exceeds the limit: {limit} bytes.")
        pieces.append(piece)
    return b"".join(pieces)


def page(name: str, items: list[Any], older: int | None, *, camel: bool = True) -> Json:
    """One page of a list; an empty one is left out, as in protobuf's JSON. ``camel``: the case of the token's name."""
    token = page_token(older)
    following = {"nextPageToken" if camel else "next_page_token": token} if token else {}
    return Json({**({name: items} if items else {}), **following})


def flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "").lower() in {"true", "1"}
