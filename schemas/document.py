"""The document: what ``when`` patterns and templates see of an event."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from schemas.event import JsonObject
from schemas.exact_json import loads

TEXT_FIELDS = ("source", "endpoint", "type", "id", "subject", "time")
FIELDS = (*TEXT_FIELDS, "metadata", "headers", "verified", "data", "body")

_ATTRIBUTES = FIELDS[:-2]
_PARSED = FIELDS[-2:]


class Described(Protocol):
    """What a document shows of an event; ``schemas.event.Event`` is one."""

    @property
    def source(self) -> str: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def time(self) -> datetime | None: ...
    @property
    def metadata(self) -> JsonObject: ...
    @property
    def headers(self) -> Sequence[tuple[str, str]]: ...
    @property
    def verified(self) -> JsonObject: ...
    @property
    def body(self) -> bytes: ...


class Document(Mapping[str, Any]):
    """A read-only mapping with the keys of FIELDS; the body is parsed once, when something first looks at it.

    A key whose value the event does not have is absent: ``subject`` and ``time`` where the sender gave none,
    ``data`` and ``body`` where the body is not JSON. ``time`` is RFC 3339 text. ``headers`` are the received headers
    that are kept as evidence: lower-case name → value, or the list of values of one that came several times.
    ``verified`` says how the sender was checked. ``body`` is the parsed body, its whole numbers exact; ``data`` is the
    member of it that the source declares as its payload, else the body itself. ``more`` are further members,
    or others instead of these, which templates see and routing never does.
    """

    __slots__ = ("_event", "_more", "_parsed_body", "_payload_member")

    def __init__(self, event: Described, payload_member: str | None = None, more: JsonObject | None = None) -> None:
        self._event = event
        self._payload_member = payload_member
        self._more = more or {}
        self._parsed_body: dict[str, Any] | None = None

    def __getitem__(self, key: str) -> Any:
        if key in self._more:
            return self._more[key]
        if key in _PARSED:
            return self._parsed()[key]
        value = getattr(self._event, key) if key in _ATTRIBUTES else None
        if value is None:
            raise KeyError(key)
        if key == "time":
            return value.isoformat().replace("+00:00", "Z")
        return _by_name(value) if key == "headers" else value

    def __iter__(self) -> Iterator[str]:
        own = (*(key for key in _ATTRIBUTES if getattr(self._event, key) is not None), *self._parsed())
        yield from (key for key in own if key not in self._more)
        yield from self._more

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _parsed(self) -> dict[str, Any]:
        if self._parsed_body is None:
            self._parsed_body = self._parse()
        return self._parsed_body

    def _parse(self) -> dict[str, Any]:
        try:
            body = loads(self._event.body)
        except ValueError:
            return {}
        if self._payload_member is None:
            return {"body": body, "data": body}
        if isinstance(body, dict) and self._payload_member in body:
            return {"body": body, "data": body[self._payload_member]}
        return {"body": body}


def _by_name(headers: Sequence[tuple[str, str]]) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    for name, value in headers:
        before = found.get(name)
        found[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return found
