"""The JSON Schema of ``hub.yaml``, made of the models that read it, so that editors complete and check it.

It describes the file as it is written: a number may stand there as ``${VARIABLE}``, a secret as ``{file: PATH}``. The
loader decides; this completes, and finds what is plainly wrong, but not what refers to something else in the file.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from connectors.registry import ConnectorError, Kind, Registry
from hub.config.model import DeliverySettings, Renamed
from hub.config.options import written
from hub.config.pattern_schema import pattern_definitions
from hub.config.written import WrittenFile, WrittenRoute, WrittenTest
from schemas.names import NAME_PATTERN

Schema = dict[str, Any]

_VARIABLE = {"type": "string", "pattern": r"\$\{"}
_NUMBER_AS_TEXT = {"type": "string", "pattern": r"\$\{|^[-+]?[0-9.]+$"}
_TRUTH_AS_TEXT = {"type": "string", "pattern": r"\$\{|^([Yy]es|[Nn]o|[Oo]n|[Oo]ff|[Tt]rue|[Ff]alse)$"}
_IN_FILE = {
    "type": "object",
    "description": "The secret is the content of this file, which is read again when it changes.",
    "properties": {"file": {"type": "string"}},
    "required": ["file"],
    "additionalProperties": False,
}
_AS_TEXT = {"integer": _NUMBER_AS_TEXT, "number": _NUMBER_AS_TEXT, "boolean": _TRUTH_AS_TEXT}
_ANNOTATIONS = ("description", "title", "default", "deprecated")


def render_schema(registry: Registry | None = None, *, builtin: bool = False) -> Schema:
    """For the connectors that are installed, or only those that are built in. Broken ones are left out."""
    registry = registry or Registry.installed()
    definitions = pattern_definitions()
    top = _of_model(WrittenFile, definitions)
    properties = top["properties"]
    properties["routes"]["items"] = _route(definitions)
    properties["tests"]["items"] = _of_model(WrittenTest, definitions)
    for kind in Kind:
        properties[f"{kind}s"] |= {
            "propertyNames": {"pattern": f"^{NAME_PATTERN}$"},
            "additionalProperties": _entry(kind, registry, definitions, builtin=builtin),
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hub.yaml",
        "description": "What the hub does: sources, destinations, and the routes between them.",
        "type": "object",
        "properties": {name: _or_nothing(schema) for name, schema in properties.items()},
        "patternProperties": {"^x-": True},
        "additionalProperties": False,
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }


def _route(definitions: Schema) -> Schema:
    route = _of_model(WrittenRoute, definitions)
    for key in ("when", "unless"):
        description = route["properties"][key].get("description", "")
        route["properties"][key] = {"description": description, "$ref": "#/$defs/pattern"}
    return route


def _entry(kind: Kind, registry: Registry, definitions: Schema, *, builtin: bool) -> Schema:
    """An entry of ``sources`` or ``destinations``: which keys it may have depends on its ``type``."""
    types: dict[str, Schema] = {}
    for registration in registry.registrations(kind):
        if builtin and not registration.builtin:
            continue
        try:
            registry.find(kind, registration.name)
            connector = registration.load()
        except ConnectorError:
            continue
        types[registration.name] = _of_connector(kind, connector, definitions)
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"anyOf": [{"enum": sorted(types)}, _VARIABLE], "description": f"Kind of {kind}."}},
        "allOf": [
            {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": schema}
            for name, schema in sorted(types.items())
        ],
    }


def _of_connector(kind: Kind, connector: Any, definitions: Schema) -> Schema:
    """Its own options, and of a destination also what every one has and defaults for what routes set."""
    prefix = f"{kind}.{connector.name}."  # two connectors may each have a model of the same name
    own = _of_model(connector.config_model, definitions, prefix)
    properties = own["properties"]
    if kind is Kind.DESTINATION:
        options = _of_model(connector.options_model, definitions, prefix)
        settings = [_of_model(model, definitions)["properties"] for model in (DeliverySettings, Renamed)]
        properties = {**settings[0], **settings[1], **options.get("properties", {}), **properties}
    return {
        "description": " ".join((connector.__doc__ or "").split()).replace("``", "`"),
        "properties": {"type": {"const": connector.name}, **properties},
        "required": own.get("required", []),
        "additionalProperties": False,
    }


def _of_model(model: type[BaseModel], definitions: Schema, prefix: str = "") -> Schema:
    """A model's schema as people write it; what it refers to joins the definitions, with a prefix to its name."""
    found = model.model_json_schema(schema_generator=_Generator, ref_template=f"#/$defs/{prefix}{{model}}")
    for name, schema in found.pop("$defs", {}).items():
        definitions[prefix + name] = _as_written(schema)
    made: Schema = _as_written(found)
    made.pop("title", None)
    return made


class _Generator(GenerateJsonSchema):
    """With defaults as they are written, and no titles made of the keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  (pydantic's signature)
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if isinstance(schema.get("default"), BaseModel):  # each of its fields has its own
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def encode_default(self, dft: Any) -> Any:
        match dft:
            case timedelta():
                return written(dft)
            case tuple() | list():
                return [self.encode_default(each) for each in dft]
            case _:
                return super().encode_default(dft)


def _as_written(schema: Any) -> Any:
    """With everything that may stand there instead: variables, and files of secrets."""
    if isinstance(schema, list):
        return [_as_written(each) for each in schema]
    if isinstance(schema, str):  # of descriptions: docstrings mark code otherwise than Markdown does
        return schema.replace("``", "`")
    if not isinstance(schema, dict):
        return schema
    made = {
        key: {name: _as_written(each) for name, each in value.items()}
        if key == "properties"
        else value
        if key in {"enum", "const", "default", "required"}
        else _as_written(value)
        for key, value in schema.items()
    }
    if made.get("format") == "password":
        return _annotated(made, {"anyOf": [{"type": "string"}, _IN_FILE]})
    if _is_strict(made):
        bare = {key: value for key, value in made.items() if key not in _ANNOTATIONS}
        return _annotated(made, {"anyOf": [bare, _AS_TEXT.get(str(made.get("type")), _VARIABLE)]})
    made.pop("format", None)
    return made


def _is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether a text with a variable in it would be refused, though what it stands for may be right."""
    if {"enum", "const"} & schema.keys():
        return True
    return schema.get("type") in {"integer", "number", "boolean"} or (
        schema.get("type") == "string" and bool({"pattern", "minLength", "maxLength"} & schema.keys())
    )


def _annotated(schema: Mapping[str, Any], made: Schema) -> Schema:
    return {key: schema[key] for key in _ANNOTATIONS if key in schema} | made


def _or_nothing(schema: Schema) -> Schema:
    """``routes:`` and nothing behind it is a section that is left out."""
    kept = {key: schema[key] for key in _ANNOTATIONS if key in schema}
    return kept | {"anyOf": [{key: value for key, value in schema.items() if key not in kept}, {"type": "null"}]}
