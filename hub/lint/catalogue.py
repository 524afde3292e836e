"""What is known of the events that can come: their types, and what is in them, as a JSON Schema of the document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from connectors.api import Source
from hub.config.model import Configuration, SourceEntry
from hub.lint.schema_fields import ANYTHING, Schema, SchemaField, field_at
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
    """Events of one source and type. ``type`` None: of every type the source does not list; ``listed`` says whether it
    lists any, so that these are events its sender may have one day.
    """

    source: str
    type: str | None
    listed: bool
    document: Schema
    _known: dict[tuple[str, ...], SchemaField] = field(default_factory=dict, repr=False, compare=False)

    def at(self, path: tuple[str, ...]) -> SchemaField:
        """What may be at a path. Thousands of routes ask about the same few."""
        found = self._known.get(path)
        if found is None:
            found = self._known[path] = field_at(self.document, path)
        return found


def event_kinds(configuration: Configuration) -> list[EventKind]:
    """All kinds of events the configuration knows of, the hub's own news included."""
    kinds = [kind for entry in configuration.sources.values() for kind in _of_source(entry)]
    document = _document(value_schema(NewsItem), None, _NEWS_METADATA)
    return [*kinds, *(EventKind(HUB_SOURCE, each, listed=True, document=document) for each in NewsType)]


def _of_source(entry: SourceEntry) -> Iterator[EventKind]:
    member, metadata = entry.connector.payload_member, _metadata(entry)
    schemas = _schemas(entry.connector)
    for kind, schema in (*schemas.items(), (None, ANYTHING)):
        yield EventKind(entry.name, kind, bool(schemas), _document(schema, member, metadata))


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
