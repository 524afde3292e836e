"""One request and its answer, whatever the other side does with the connection."""

import asyncio
import io

import aiohttp

from connectors.destinations.http.answer import Answer
from connectors.destinations.http.errors import FOREIGN
from connectors.destinations.http.request import PreparedRequest

LONGEST_BODY = 64_000
"""Bytes of an answer's body after which no more is read; a longer one costs its connection."""

_READING_TIMEOUT_S = 2.0


async def exchange(session: aiohttp.ClientSession, request: PreparedRequest) -> Answer:
    """Send a request; return when its answer has a status. Raises one of FOREIGN, within the session's timeout.

    The status alone decides, so a body that breaks off, drips or never ends changes nothing: it is read for a moment,
    so that the connection can serve the next request, and is otherwise closed.
    """
    async with session.request(
        request.method,
        request.url,
        headers=request.headers,
        skip_auto_headers=("Content-Type",),  # where the sender named none, nobody knows it
        data=io.BytesIO(request.body),  # bytes would go out in one piece, however large, and hold up the event loop
        allow_redirects=False,
        auto_decompress=False,
    ) as response:
        return Answer(response.status, response.headers, await _beginning(response))


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    received = bytearray()
    try:
        async with asyncio.timeout(_READING_TIMEOUT_S):
            while len(received) < LONGEST_BODY and (chunk := await response.content.readany()):
                received += chunk
    except FOREIGN:
        response.close()
    if not response.content.at_eof():
        response.close()
    return bytes(received)
