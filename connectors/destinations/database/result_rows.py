"""Results as rows: one for each line of a JSONL result, or each element of a JSON list, or one for any other."""

import json
from collections.abc import Iterator
from typing import Any

from connectors.api import Delivery
from connectors.destinations.database.rows import Row, json_text, row_of
from connectors.enrichment import JSON, JSONL

RESULT_COLUMNS = (
    "source",
    "id",
    "line",
    "type",
    "subject",
    "time",
    "received",
    "key",
    "response",
    "error",
    "metadata",
    "route",
    "delivery",
)


def rows_of_result(delivery: Delivery, content_type: str, body: bytes) -> Iterator[Row]:
    """The rows, numbered from 1 as the lines of the result; blank lines count and give none.

    Raises:
        BadRecordError: a value of the event cannot be written as JSON.
    """
    source, event_id, kind, subject, time, received, metadata, _, route, key = row_of(delivery)
    for number, (label, response, error) in _answers(content_type, body):
        line = str(number)
        row = (source, event_id, line, kind, subject, time, received, label, response, error, metadata, route, key)
        yield row


Answer = tuple[str | None, str | None, str | None]
"""The request's key, the response as JSON text, the error as JSON text."""


def _answers(content_type: str, body: bytes) -> Iterator[tuple[int, Answer]]:
    if content_type == JSONL:
        for number, line in enumerate(body.split(b"\n"), 1):
            if line.strip():
                yield number, _answer_in(line)
        return
    parsed = _parsed(body) if content_type == JSON else None
    if isinstance(parsed, list):
        for number, element in enumerate(parsed, 1):
            yield number, _answer(element) or (None, json.dumps(element), None)
    else:
        yield 1, (None, json_text(body), None)


def _answer_in(line: bytes) -> Answer:
    return _answer(_parsed(line)) or (None, json_text(line.strip()), None)


def _answer(element: Any) -> Answer | None:
    """None where it is no answer to one of a batch's requests."""
    if not isinstance(element, dict) or not element.keys() & {"response", "error"}:
        return None
    metadata = element.get("metadata")
    label = element.get("key", metadata.get("key") if isinstance(metadata, dict) else None)
    if label is not None and not isinstance(label, str):
        label = json.dumps(label)
    response, error = (json.dumps(element[name]) if name in element else None for name in ("response", "error"))
    return label, response, error


def _parsed(text: bytes) -> Any:
    """None for what is not JSON, or so deep that only the database can say."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
