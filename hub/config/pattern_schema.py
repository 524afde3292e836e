"""``when`` as a JSON Schema, for editors. `hub.rules.parse` decides; this completes."""

from collections.abc import Mapping
from typing import Any

from schemas.document import FIELDS, TEXT_FIELDS

_TEXT = {"type": "string"}
_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_VALUES = {"$ref": "#/$defs/values"}
_INSIDE = {"$ref": "#/$defs/inside"}
_NESTED = tuple(name for name in FIELDS if name not in TEXT_FIELDS)


def _one_or_more(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


_IGNORING_CASE = {
    "type": "object",
    "properties": {"equals-ignore-case": _TEXT},
    "required": ["equals-ignore-case"],
    "additionalProperties": False,
}
_TEXT_IN_ANY_CASE = {"anyOf": [_TEXT, _IGNORING_CASE]}
_EXCLUDED = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "properties": {
        **dict.fromkeys(("prefix", "suffix"), _one_or_more(_TEXT_IN_ANY_CASE)),
        **dict.fromkeys(("equals-ignore-case", "wildcard"), _one_or_more(_TEXT)),
    },
    "additionalProperties": False,
}

OPERATORS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "prefix": ("text that begins so", _TEXT_IN_ANY_CASE),
    "suffix": ("text that ends so", _TEXT_IN_ANY_CASE),
    "equals-ignore-case": ("this text in any case", _TEXT),
    "wildcard": ("text like this, in which * is any text, also none", _TEXT),
    "anything-but": ("every value but these", {"anyOf": [*_one_or_more(_SCALAR)["anyOf"], _EXCLUDED]}),
    "numeric": (
        'a number in a range: [">", 0, "<=", 100], ["=", 5]',
        {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 2, "maxItems": 4},
    ),
    "cidr": ("text that is an address in this network: 10.0.0.0/8", _TEXT),
    "exists": ("whether there is a value at all", {"type": "boolean"}),
}
"""Operator → what it accepts, and the schema of its operand."""


def pattern_definitions() -> dict[str, Any]:
    """For ``$defs``: ``pattern`` and what it is made of."""
    operators = {
        name: {**operand, "description": f"Accepts {accepts}."} for name, (accepts, operand) in OPERATORS.items()
    }
    return {
        "pattern": {
            "description": "What an event must be: every field one of the values in its list.",
            "type": "object",
            "minProperties": 1,
            "properties": {
                **{name: _INSIDE if name in _NESTED else _VALUES for name in FIELDS},
                "$or": _or("pattern", "Any of these patterns, beside what stands around them."),
            },
            "patternProperties": {rf"^({'|'.join(_NESTED)})\.": _INSIDE},
            "additionalProperties": False,
        },
        "inside": {
            "anyOf": [
                _VALUES,
                {
                    "type": "object",
                    "minProperties": 1,
                    "properties": {"$or": _or("inside", "Any of these, for what is in here.")},
                    "additionalProperties": _INSIDE,
                },
            ]
        },
        "values": {
            "description": "The values it may have, any of them: text, numbers, true, false, null, or operators.",
            "type": "array",
            "minItems": 1,
            "items": {"anyOf": [_SCALAR, {"$ref": "#/$defs/operator"}]},
        },
        "operator": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "properties": operators,
            "additionalProperties": False,
        },
    }


def _or(of: str, meaning: str) -> dict[str, Any]:
    return {"description": meaning, "type": "array", "minItems": 2, "items": {"$ref": f"#/$defs/{of}"}}
