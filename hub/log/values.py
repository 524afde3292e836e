"""What all values have in common that the hub writes itself: JSON objects, with the format they are in."""

from datetime import UTC, datetime
from typing import Any

import orjson

from hub.log.record import FORMAT, FORMAT_HEADER, MalformedRecordError, NewerFormatError
from schemas.attributes import ERROR_BUDGET, truncate_text

JSON_HEADERS: list[tuple[str, bytes]] = [FORMAT_HEADER, ("content-type", b"application/json")]


def encode_value(entry: object, names: tuple[str, ...]) -> bytes:
    """The members of an entry that are called ``names``, as a JSON object; an ``error`` is cut to 1 kB."""
    document: dict[str, Any] = {"format": FORMAT}
    for name in names:
        document[name] = getattr(entry, name)
    if document.get("error") is not None:
        document["error"] = truncate_text(document["error"], ERROR_BUDGET)
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)


def decode_object(value: bytes | None) -> dict[str, Any]:
    """The JSON object that a value is.

    Raises:
        NewerFormatError, MalformedRecordError
    """
    try:
        found = orjson.loads(value or b"")
    except orjson.JSONDecodeError as error:
        raise MalformedRecordError(f"not a hub's record: its value is not JSON ({error})") from error
    if not isinstance(found, dict) or not isinstance(found.get("format"), int) or found["format"] < FORMAT:
        raise MalformedRecordError("not a hub's record: its value has no member 'format'")
    if found["format"] > FORMAT:
        raise NewerFormatError(found["format"])
    return found


def decode_time(text: str) -> datetime:
    """A time with its zone, in UTC. Raises ValueError."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is UTC:
        return time
    if time.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return time.astimezone(UTC)
