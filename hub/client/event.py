"""An event as the client hands it out."""

from dataclasses import dataclass, fields
from typing import Any, Self

import orjson

import schemas.event
from schemas.event_json import event_of_json


@dataclass(frozen=True, slots=True)
class Event(schemas.event.Event):
    """Everything the log has of it. ``position`` is behind it: give it to ``events(after=…)`` to go on there, in
    another process or on another day. ``partition`` and ``offset`` are where it is in ``hub.events``.
    """

    partition: int = -1
    offset: int = -1
    position: str = ""

    def json(self) -> Any:
        """The body, parsed. Raises ValueError where it is no JSON."""
        return orjson.loads(self.body)

    @classmethod
    def parse(cls, data: bytes | str, position: str) -> Self:
        """Raises UnreadableEventError, or ValueError where it is no JSON."""
        read = orjson.loads(data)
        event = event_of_json(read)
        attributes = {field.name: getattr(event, field.name) for field in fields(event)}
        return cls(**attributes, partition=read["partition"], offset=read["offset"], position=position)
