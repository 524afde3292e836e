"""What a JSON Schema says of one field. Only what is needed to tell that nobody can have meant it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Schema = Mapping[str, Any]

ANYTHING: Schema = {}
_DEEPEST = 20
"""References followed one after the other: schemas may refer to themselves."""


class JsonType(StrEnum):
    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    NULL = "null"
    OBJECT = "an object"


_TYPES = {
    "string": JsonType.TEXT,
    "integer": JsonType.NUMBER,
    "number": JsonType.NUMBER,
    "boolean": JsonType.BOOLEAN,
    "null": JsonType.NULL,
    "object": JsonType.OBJECT,
}


@dataclass(frozen=True, slots=True)
class SchemaField:
    """What may be in a place. ``types`` None: anything. Where ``types`` is empty, nothing is ever there, and ``beside``
    are the names that the object around it has.
    """

    types: frozenset[JsonType] | None
    beside: frozenset[str] = frozenset()


def field_at(schema: Schema, path: tuple[str, ...]) -> SchemaField:
    """The field at a path. Lists stand for their elements, as in patterns. Listed properties count as all there are."""
    places = list(_alternatives(schema, schema))
    beside: set[str] = set()
    for name in path:
        inner: list[Schema] = []
        for place in places:
            if not place or ("properties" not in place and _may_hold_anything(place)):
                return SchemaField(None)
            inner += _members(schema, place, name)
            beside |= place.get("properties", {}).keys()
        if not inner:
            return SchemaField(frozenset(), frozenset(beside))
        beside, places = set(), inner
    found = [_types(place) for place in places]
    return SchemaField(None if None in found else frozenset().union(*(each for each in found if each)))


def _members(root: Schema, place: Schema, name: str) -> list[Schema]:
    properties = place.get("properties", {})
    return list(_alternatives(root, properties[name])) if name in properties else []


def _may_hold_anything(place: Schema) -> bool:
    """An object whose members nobody lists, or something whose type nobody says."""
    return place.get("type", "object") == "object" and not ({"const", "enum"} & place.keys())


def _types(place: Schema) -> frozenset[JsonType] | None:
    if "enum" in place or "const" in place:
        return frozenset(type_of(value) for value in place.get("enum", [place.get("const")]))
    written = place.get("type")
    if written is None:
        return frozenset({JsonType.OBJECT}) if "properties" in place else None
    names = written if isinstance(written, list) else [written]
    return frozenset(_TYPES[name] for name in names if name in _TYPES)


def type_of(value: object) -> JsonType:
    """The type of a JSON value; a list counts as an object."""
    match value:
        case bool():
            return JsonType.BOOLEAN
        case int() | float():
            return JsonType.NUMBER
        case str():
            return JsonType.TEXT
        case None:
            return JsonType.NULL
        case _:
            return JsonType.OBJECT


def _alternatives(root: Schema, schema: Schema, depth: int = 0) -> Iterator[Schema]:
    """The schemas that may apply, with references followed, and the elements of lists in place of the lists."""
    if depth > _DEEPEST:
        yield ANYTHING
    elif "$ref" in schema:
        target: Any = root
        for step in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target.get(step, ANYTHING)
        yield from _alternatives(root, target, depth + 1)
    elif several := schema.get("anyOf") or schema.get("oneOf"):
        for each in several:
            yield from _alternatives(root, each, depth + 1)
    elif schema.get("type") == "array":
        yield from _alternatives(root, schema.get("items", ANYTHING), depth + 1)
    else:
        yield schema
