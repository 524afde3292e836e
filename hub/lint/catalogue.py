"""What is known of the events that can come: their types, and what is in them, as a JSON Schema of the document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from connectors.api import Source
from hub.config.model import Configuration, SourceEntry
from hub.lint.schema_fields import ANYTHING, Schema
from schemas.document import FIELDS
from schemas.generate import value_schema
from schemas.news import HUB_SOURCE, NewsItem, NewsType, Severity

_TEXTS = {name: {"type": "string"} for name in ("source", "endpoint", "type", "id", "subject", "time")}
_NEWS_METADATA: Schema = {
    "properties": {
        "destination": {"type": "string"},
        "count": {"type": "integer"},
        "severity": {"enum": [str(each) for each in Severity]},
    }
}


@dataclass(frozen=True, slots=True)
class EventKind:
    """Events of one source and type; ``type`` None: of whatever type, since the source does not say which there are."""

    source: str
    type: str | None
    document: Schema


def event_kinds(configuration: Configuration) -> list[EventKind]:
    """All kinds of events the configuration knows of, the hub's own news included."""
    kinds = [kind for entry in configuration.sources.values() for kind in _of_source(entry)]
    news = value_schema(NewsItem)
    return [*kinds, *(EventKind(HUB_SOURCE, each, _document(news, None, _NEWS_METADATA)) for each in NewsType)]


def _of_source(entry: SourceEntry) -> Iterator[EventKind]:
    member, metadata = entry.connector.payload_member, _metadata(entry)
    schemas = _schemas(entry.connector)
    if not schemas:
        yield EventKind(entry.name, None, _document(ANYTHING, member, metadata))
    for kind, schema in schemas.items():
        yield EventKind(entry.name, kind, _document(schema, member, metadata))


@cache
def _schemas(connector: type[Source[Any]]) -> Mapping[str, Schema]:
    return connector.event_schemas()


def _metadata(entry: SourceEntry) -> Schema:
    own = entry.connector.metadata_names
    return ANYTHING if own is None else {"properties": dict.fromkeys((*own, *entry.config.metadata), ANYTHING)}


def _document(body: Schema, payload_member: str | None, metadata: Schema) -> Schema:
    data = body if payload_member is None or not body else body.get("properties", {}).get(payload_member, ANYTHING)
    known = {**_TEXTS, "metadata": metadata, "data": data, "body": body}
    # What a document may have beside these, nothing is known of.
    return {"properties": {**dict.fromkeys(FIELDS, ANYTHING), **known}, "$defs": body.get("$defs", {})}
