"""A body other than the event's own: a text with the event's values in it, or JSON whose texts have them."""

from collections.abc import Mapping
from typing import Any, Self

import orjson
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from connectors.api import BadRecordError, Template

_DEEPEST = 100


class BodyTemplate:
    """What people write as ``body``: a text is sent as text, a mapping or list as JSON.

    In JSON every text is a template of its own, and what it gives is always one text: whatever an event holds, it
    adds no member and ends no string.
    """

    def __init__(self, written: object) -> None:
        self.source = written
        self.content_type = "text/plain; charset=utf-8" if isinstance(written, str) else "application/json"
        self._compiled = _compiled(written, 0)

    def render(self, document: Mapping[str, Any]) -> bytes:
        """Raises BadRecordError: the body cannot be made of this event."""
        rendered = _rendered(self._compiled, document)
        try:
            return rendered.encode() if isinstance(rendered, str) else orjson.dumps(rendered)
        except (UnicodeEncodeError, orjson.JSONEncodeError) as error:
            raise BadRecordError(f"the body cannot be written as UTF-8: {error}") from error

    def __repr__(self) -> str:
        return f"BodyTemplate({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BodyTemplate) and other.source == self.source

    def __hash__(self) -> int:
        return hash(repr(self.source))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Self], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls(value),
            json_schema_input_schema=core_schema.any_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda body: body.source),
        )


def _compiled(written: object, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"nests deeper than {_DEEPEST} levels")
    if isinstance(written, str):
        return Template(written)
    if isinstance(written, Mapping):
        return {str(name): _compiled(value, depth + 1) for name, value in written.items()}
    if isinstance(written, list | tuple):
        return [_compiled(value, depth + 1) for value in written]
    if depth and (written is None or isinstance(written, bool | int | float)):
        return written
    raise ValueError("not a body; write a text, or a mapping or list whose texts are templates")


def _rendered(compiled: Any, document: Mapping[str, Any]) -> Any:
    if isinstance(compiled, Template):
        return compiled.render(document)
    if isinstance(compiled, dict):
        return {name: _rendered(value, document) for name, value in compiled.items()}
    if isinstance(compiled, list):
        return [_rendered(value, document) for value in compiled]
    return compiled
