"""Where below the store's URL an event goes: ``{source}/{type}/date={time:%Y-%m-%d}``."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Self
from urllib.parse import quote

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from connectors.api import Delivery, Event

LONGEST_VALUE = 128
"""Bytes of one value at most; what is longer is cut, and closed by a hash of the whole."""

_FIELD = re.compile(r"\{([^{}]*)\}")
_LITERAL = re.compile(r"[A-Za-z0-9._=~+@/-]*")
_TIME_FORMAT = re.compile(r"(%[YmdHMjGVu]|[A-Za-z0-9._=~+@/-])+")
_SAFE = "._=~+@-"
_MISSING = "_"
_HASH = 12  # hex digits


class PathTemplate:
    """Text with fields in braces. Each value becomes one safe segment, or a part of one, whatever the sender sent.

    ``longest`` is how many bytes a rendered path may have at most.
    """

    def __init__(self, source: str) -> None:
        if not isinstance(source, str):
            raise ValueError("not a path; write text, like {source}/{type}/date={time:%Y-%m-%d}")
        self.source = source
        self._parts = [_part(text, number) for number, text in enumerate(_FIELD.split(source))]
        self.longest = sum(part.longest for part in self._parts)
        _check_segments(_FIELD.sub("x", source))

    def render(self, delivery: Delivery[Any]) -> str:
        """The path of one delivery: no slash at either end, none within a value."""
        event, route = delivery.event, delivery.route
        return "".join([part.render(event, route) for part in self._parts])

    def __repr__(self) -> str:
        return f"PathTemplate({self.source!r})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PathTemplate) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Self], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls(value),
            json_schema_input_schema=core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda template: template.source),
        )


class _Part:
    """A piece of the template."""

    def __init__(self, render: Callable[[Event, str], str], longest: int) -> None:
        self.render = render
        self.longest = longest


def _part(text: str, number: int) -> _Part:
    if number % 2 == 0:
        if not _LITERAL.fullmatch(text):
            raise ValueError(f"{text!r} cannot be a part of a path; use letters, digits and {_SAFE}/, and {{fields}}")
        return _Part(lambda _, __: text, len(text))
    kind, colon, written = text.partition(":")
    if colon and kind in {"time", "received"}:
        if not _TIME_FORMAT.fullmatch(written):
            raise ValueError(f"{{{text}}}: {written!r} is no format for a path; use %Y %m %d %H %M %j %G %V %u")
        return _Part(lambda event, _: _moment(event, kind).strftime(written), len(written) * 2)
    read = _field(text)
    if read is None:
        raise ValueError(
            f"there is no field {{{text}}}; there are source, type, endpoint, subject, id, route, metadata.NAME, "
            "time:FORMAT and received:FORMAT, like {time:%Y-%m-%d}"
        )
    return _Part(lambda event, route: segment(read(event, route)), LONGEST_VALUE)


def _field(name: str) -> Callable[[Event, str], str | None] | None:
    """What reads a field of an event and the route's id; None where there is no such field."""
    if name == "route":
        return lambda _, route: route
    if name in {"source", "type", "endpoint", "subject", "id"}:
        return lambda event, _: getattr(event, name)
    if name.startswith("metadata."):
        path = name.split(".")[1:]
        return (lambda event, _: _member(event.metadata, path)) if all(path) else None
    return None


def _check_segments(path: str) -> None:
    segments = path.split("/")
    if path and any(each in {"", ".", ".."} for each in segments):
        raise ValueError("a path has no empty, `.` or `..` parts, and no slash at its ends")
    if segments[0].startswith("run="):
        raise ValueError("what begins with `run=` is for replays; begin with something else")


def _moment(event: Event, kind: str) -> datetime:
    """A late event lands where its own time says."""
    moment = event.time if kind == "time" and event.time is not None else event.received
    return moment.astimezone(UTC)


def _member(value: object, path: list[str]) -> str | None:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if value is None or isinstance(value, dict | list):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def segment(value: str | None) -> str:
    """A value as one safe segment: nothing in it climbs, divides or ends a path, and no two values look alike."""
    if not value:
        return _MISSING
    found = quote(value, safe=_SAFE, errors="surrogatepass")
    if found in {_MISSING, ".", ".."}:
        found = "".join(f"%{ord(character):02X}" for character in found)
    if len(found) <= LONGEST_VALUE:
        return found
    cut = found[: LONGEST_VALUE - _HASH - 1]
    cut = cut[:-1] if cut.endswith("%") else cut[:-2] if cut[-2:-1] == "%" else cut
    return f"{cut}~{sha256(value.encode(errors='surrogatepass')).hexdigest()[:_HASH]}"
