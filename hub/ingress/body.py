"""Reads bodies within bounds: of one request, and of all requests together."""

from collections.abc import Iterable

from starlette.types import Receive

from hub.ingress.limits import Limits
from hub.ingress.refusal import RefusedError, unavailable


class Load:
    """What is in flight: requests between their headers and their answer, and the bytes of their bodies."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.requests = 0
        self.buffered = 0

    def __enter__(self) -> None:
        if self.requests >= self._limits.max_requests:
            raise unavailable("busy", "too many requests at once; repeat the request later", retry_after=1, unread=True)
        self.requests += 1

    def __exit__(self, *_: object) -> None:
        self.requests -= 1

    def buffer(self, size: int) -> None:
        """Account for ``size`` more bytes; the caller gives them back by subtracting from ``buffered``."""
        if self.buffered + size > self._limits.max_buffered:
            raise unavailable("busy", "too many bytes at once; repeat the request later", retry_after=1, unread=True)
        self.buffered += size


async def read_body(receive: Receive, headers: Iterable[tuple[bytes, bytes]], *, max_body: int, load: Load) -> bytes:
    """The whole body. Its bytes stay in ``load.buffered`` until the caller takes them out; after a refusal none stay.

    A sender that stalls is ended by `hub.ingress.protocol`, which looks like one that left.

    Raises:
        RefusedError: 413 too large, 503 too much in flight, 400 where the sender left before the end.
    """
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > max_body:
            raise _too_large(max_body)
    chunks: list[bytes] = []
    size = 0
    try:
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise RefusedError(400, "incomplete", "the connection ended before the body did", unread=True)
            chunk: bytes = message.get("body", b"")
            more: bool = message.get("more_body", False)
            if size + len(chunk) > max_body:
                raise _too_large(max_body, unread=more)
            load.buffer(len(chunk))
            size += len(chunk)
            if not more:
                return b"".join(chunks) + chunk if chunks else chunk
            chunks.append(chunk)
    except BaseException:
        load.buffered -= size
        raise


def _too_large(max_body: int, *, unread: bool = True) -> RefusedError:
    message = f"the body is larger than the {max_body} bytes this source accepts (`max_body`); send a smaller one"
    return RefusedError(413, "too-large", message, unread=unread)
