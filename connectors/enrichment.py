"""The optional half of a source: fetching what a thin event points at, for routes with ``enrich``."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

import orjson

from schemas.event import Event, JsonObject

JSON = "application/json"
JSONL = "application/jsonl"


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """``max_size`` of the result, in bytes; ``timeout`` of all requests together."""

    max_size: int
    timeout: timedelta


@dataclass(frozen=True, slots=True)
class Enrichment:
    """What was fetched. ``content_type`` JSON or JSONL lets templates and tables look into ``body``."""

    content_type: str
    body: bytes = field(repr=False)


class Enricher(ABC):
    """Implement it beside ``Source``. ``enrichment`` is what people write: ``enrich: gemini-result``.

    Nothing that the event says may choose where the API key is sent: an event names a thing, the configuration a host.
    """

    enrichment: ClassVar[str]

    @abstractmethod
    async def fetch(self, event: Event, limits: FetchLimits) -> Enrichment | None:
        """What the event points at; None where events of its type point at nothing. Called without ``open``, several
        at once; the same event is asked for again only while nothing has been kept of it.

        Raises:
            DeliveryError: as a destination would, and with the same consequences for the delivery: BadRecordError for
                what is gone for good or too large, DestinationDownError where nothing can be fetched at all.
        """


@dataclass(frozen=True)
class Result:
    """What was fetched for a delivery, and is kept: a claim check, with the bytes beside it where they are few.

    ``size`` in bytes, ``sha256`` in lower-case hex, ``uri`` where it is kept. ``body`` is None where it is larger than
    ``max_inline``: ``await read()`` then.
    """

    content_type: str
    size: int
    sha256: str
    uri: str
    body: bytes | None = field(repr=False)
    load: Callable[[], Awaitable[bytes]] = field(repr=False, compare=False)

    async def read(self) -> bytes:
        """All of it, whatever its size; hold few of them at once.

        Raises:
            DestinationDownError: the place where it is kept cannot be reached.
            RetryableError: what is there is not what was kept.
        """
        return await self.load() if self.body is None else self.body

    @property
    def claim(self) -> JsonObject:
        """``result_file`` of the document."""
        return {"uri": self.uri, "size": self.size, "sha256": self.sha256, "content_type": self.content_type}

    @cached_property
    def members(self) -> JsonObject:
        """What it adds to the document: ``result_file``, and ``result`` where its bytes are here and are JSON, or
        lines of it.
        """
        if self.body is None or self.content_type not in {JSON, JSONL}:
            return {"result_file": self.claim}
        try:
            return {"result_file": self.claim, "result": self._parsed(self.body)}
        except orjson.JSONDecodeError:
            return {"result_file": self.claim}

    def _parsed(self, body: bytes) -> Any:
        if self.content_type == JSONL:
            return [orjson.loads(line) for line in body.split(b"\n") if line.strip()]
        return orjson.loads(body)
