"""``when`` as a JSON Schema, for editors. `hub.rules.parse` decides; this completes."""

from collections.abc import Mapping
from typing import Any

from schemas.document import FIELDS

_TEXT = {"type": "string"}
_TEXTS = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_VALUES = {"$ref": "#/$defs/values"}
_INSIDE = {"$ref": "#/$defs/inside"}
_NESTED = ("metadata", "data", "body")

OPERATORS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "prefix": ("text that begins so", _TEXT),
    "suffix": ("text that ends so", _TEXT),
    "numeric": (
        'a number in a range: [">", 0, "<=", 100], ["=", 5]',
        {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 2, "maxItems": 4},
    ),
    "anything-but": (
        "every value but these",
        {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]},
    ),
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
            "properties": {name: _INSIDE if name in _NESTED else _VALUES for name in FIELDS},
            "patternProperties": {rf"^({'|'.join(_NESTED)})\.": _INSIDE},
            "additionalProperties": False,
        },
        "inside": {"anyOf": [_VALUES, {"type": "object", "minProperties": 1, "additionalProperties": _INSIDE}]},
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
