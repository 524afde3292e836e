"""Deliveries as rows. Every value is text or None; the database makes times and JSON of it."""

import base64
from datetime import UTC, datetime

import orjson

from connectors.api import BadRecordError, Delivery
from schemas.exact_json import dumps, loads

COLUMNS = ("source", "id", "type", "subject", "time", "received", "metadata", "data", "route", "delivery")

Row = tuple[str | None, ...]
"""The values of a table's columns, in that order: COLUMNS, or those of results."""


def row_of(delivery: Delivery) -> Row:
    """Make the row of one delivery.

    Raises:
        BadRecordError: a value cannot be written as JSON.
    """
    event = delivery.event
    try:
        metadata = dumps(dict(event.metadata)).decode()
    except (TypeError, ValueError) as error:
        raise BadRecordError(f"the event's metadata cannot be written as JSON: {error}") from error
    return (
        event.source,
        event.id,
        event.type,
        event.subject,
        _timestamp(event.time) if event.time else None,
        _timestamp(event.received),
        metadata,
        json_text(delivery.sent.body),
        delivery.route,
        delivery.key.id,
    )


def json_text(body: bytes) -> str | None:
    """The body as JSON text: as it is if it is JSON, else ``"the text"``, else ``{"base64": …}``; None if empty."""
    if not body:
        return None
    try:
        loads(body)
        return body.decode()  # the sender's own text: no number is rounded on its way
    except ValueError:
        pass
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # PostgreSQL has no NUL in text, nor in JSON
        return orjson.dumps({"base64": base64.b64encode(body).decode()}).decode()
    return orjson.dumps(text).decode()


def _timestamp(time: datetime) -> str:
    # Always the same width, so that text sorts by time in SQLite.
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
