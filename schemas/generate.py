"""JSON Schemas of what the topics hold, generated from the definitions: ``python -m schemas.generate``.

They are for consumers in other languages, so they describe what is on the wire and allow members a later version adds.
"""

from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

import orjson

from schemas import gemini
from schemas.archive import ArchivedEvent
from schemas.control import Control
from schemas.decision import Decision
from schemas.event import JsonObject
from schemas.headers import HEADERS, On
from schemas.news import NewsItem
from schemas.outcome import Outcome
from schemas.report import DestinationReport, ProcessReport
from schemas.revision import AppliedRevision

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

FOLDER = Path(__file__).parent / "json"

_SCALARS: Mapping[object, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    JsonObject: {"type": "object"},
    Mapping[str, str]: {"type": "object", "additionalProperties": {"type": "string"}},
    Any: {},
}


def documents() -> dict[str, bytes]:
    """File name → text, of every schema."""
    return {
        "decision.json": _text(value_schema(Decision)),
        "outcome.json": _text(value_schema(Outcome)),
        "control.json": _text(value_schema(Control)),
        "report.json": _text(value_schema(DestinationReport)),
        "process-report.json": _text(value_schema(ProcessReport)),
        "revision.json": _text(value_schema(AppliedRevision)),
        "archived-event.json": _text(_archived_event()),
        "news.json": _text(value_schema(NewsItem)),
        "gemini-event.json": _text(_gemini_event()),
        "event-headers.json": _text(_headers("Headers of hub.events", {On.EVERY, On.EVENTS})),
        "delivery-headers.json": _text(
            _headers("Headers of deliveries, retries and dead letters", {On.EVERY, On.EVENTS, On.DELIVERIES})
        ),
    }


def write(folder: Path = FOLDER) -> None:
    for name, text in documents().items():
        (folder / name).write_bytes(text)


def _gemini_event() -> dict[str, Any]:
    """The body of an event of a Gemini source."""
    description = "The body of an event of the Gemini API, by its type. Members that are not listed may be there, too."
    return {"$schema": _DIALECT, "title": "GeminiEvent", "description": description, **gemini.EVENT.json_schema()}


def _archived_event() -> dict[str, Any]:
    """A line of an archive: no topic's value, so it has no format."""
    return {
        "$schema": _DIALECT,
        "title": "ArchivedEvent",
        **_object(ArchivedEvent),
    }


def value_schema(kind: type) -> dict[str, Any]:
    """A value that the hub writes itself: the dataclass, and the format it is in."""
    schema = _object(kind)
    schema["properties"] = {"format": {"const": 1}, **schema["properties"]}
    schema["required"] = ["format", *schema["required"]]
    return {"$schema": _DIALECT, "title": kind.__name__, **schema}


def _object(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    description = " ".join((kind.__doc__ or "").split())
    properties = {name: _of(hint) for name, hint in hints.items()}
    return {"description": description, "type": "object", "properties": properties, "required": list(hints)}


def _of(hint: Any) -> dict[str, Any]:
    if isinstance(hint, NewType):
        return _of(hint.__supertype__)
    if hint in _SCALARS:
        return dict(_SCALARS[hint])
    if get_origin(hint) in {Union, UnionType}:
        (one,) = (part for part in get_args(hint) if part is not NoneType)
        schema = _of(one)
        return {**schema, "type": [schema["type"], "null"]}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _of(get_args(hint)[0])}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"type": "string", "enum": [str(member) for member in hint]}
    if is_dataclass(hint) and isinstance(hint, type):
        return _object(hint)
    raise TypeError(f"{hint!r} has no JSON Schema here; add it")


def _headers(title: str, on: set[On]) -> dict[str, Any]:
    """Headers as an object of their UTF-8 text."""
    mine = [header for header in HEADERS if header.on in on]
    return {
        "$schema": _DIALECT,
        "title": title,
        "description": "CloudEvents 1.0, Kafka binding, binary mode; the value of the record is the body as received.",
        "type": "object",
        "properties": {header.name: {"type": "string", "description": header.meaning} for header in mine},
        "required": [header.name for header in mine if header.always],
    }


def _text(schema: dict[str, Any]) -> bytes:
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    write()
