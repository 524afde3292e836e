"""An event's record, read only as far as somebody asks: what ``route`` decides by, for less than decoding it costs."""

from datetime import datetime
from typing import Any

from hub.log.record import Headers, MalformedRecordError, check_format
from schemas.attributes import decode_text, decode_time
from schemas.event import JsonObject
from schemas.exact_json import restore


class EventOutline:
    """What a document shows of an event (`schemas.document.Described`), and its digest.

    Raises:
        NewerFormatError: on construction.
        MalformedRecordError: on construction, or later from an attribute that cannot be read.
    """

    __slots__ = ("_found", "body", "digest", "id", "source", "type")

    def __init__(self, headers: Headers, value: bytes | None) -> None:
        found = self._found = dict(headers)
        check_format(found.get("ce_hubformat"))
        if value is None:
            raise MalformedRecordError("not a hub's record: it has no value")
        self.body = value
        try:
            self.source = decode_text(found["ce_source"])
            self.id = decode_text(found["ce_id"])
            self.type = decode_text(found["ce_type"])
            self.digest = found["ce_hubdigest"].decode()
        except (KeyError, ValueError, AttributeError) as error:
            raise _malformed(error) from error

    @property
    def endpoint(self) -> str:
        return self._text("ce_hubendpoint") or ""

    @property
    def subject(self) -> str | None:
        return self._text("ce_subject")

    @property
    def time(self) -> datetime | None:
        found = self._found.get("ce_time")
        try:
            return None if found is None else decode_time(found)
        except ValueError as error:
            raise _malformed(error) from error

    @property
    def metadata(self) -> JsonObject:
        return self._object("ce_hubmetadata")

    @property
    def verified(self) -> JsonObject:
        return self._object("ce_hubverified")

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        found = self._json("ce_hubheaders", [])
        try:
            return tuple((name, text) for name, text in found)
        except (TypeError, ValueError) as error:
            raise _malformed(error) from error

    def _object(self, name: str) -> JsonObject:
        value = self._json(name, {})
        if not isinstance(value, dict):
            raise MalformedRecordError(f"not a hub's record: its {name} is not a JSON object")
        return value

    def _json(self, name: str, otherwise: Any) -> Any:
        found = self._found.get(name)
        try:
            return otherwise if found is None else restore(found)
        except ValueError as error:
            raise _malformed(error) from error

    def _text(self, name: str) -> str | None:
        found = self._found.get(name)
        try:
            return None if found is None else decode_text(found)
        except ValueError as error:
            raise _malformed(error) from error


def _malformed(error: Exception) -> MalformedRecordError:
    problem = f"it has no header {error}" if isinstance(error, KeyError) else str(error)
    return MalformedRecordError(f"not a hub's record: {problem}")
