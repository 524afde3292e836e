"""Texts with values of the event in them: ``Job {{ subject }} failed``. Jinja2, sandboxed."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self, runtime_checkable

from jinja2 import ChainableUndefined, TemplateSyntaxError, pass_context
from jinja2.runtime import Context as RenderContext
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from connectors.errors import BadRecordError
from schemas.exact_json import dumps

_ESCAPE = "_escape"


@pass_context
def _escaped(context: RenderContext, value: object) -> str:
    # Runs on the output of every {{ expression }}, after its filters, and on nothing the author wrote:
    # no filter can smuggle an event's text past it.
    if isinstance(value, Undefined) or value is None:
        return ""
    escape: Callable[[str], str] = context[_ESCAPE]
    return escape(str(value))


def _json(value: object) -> object:
    # Jinja's own tojson escapes for HTML, which would show as \\u0026 in a message.
    return value if isinstance(value, Undefined) else dumps(value).decode()


_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=ChainableUndefined, finalize=_escaped, keep_trailing_newline=True, cache_size=0
)
_ENVIRONMENT.filters["tojson"] = _json


@runtime_checkable
class Renderable(Protocol):
    """An option that is made of templates: a Template, or more of them in one value. What is not text is UTF-8."""

    def render(self, document: Mapping[str, Any], /) -> str | bytes:
        """Raises BadRecordError: it cannot be rendered with this document, and never will be."""


class Template:
    """A text of the configuration, compiled once. Event text is only ever a value in it, never template.

    A field of this type in a connector's model takes the text from ``hub.yaml``; a syntax error is reported with
    its line there.
    """

    def __init__(self, source: str) -> None:
        if not isinstance(source, str):
            raise ValueError(f"{source!r} is not a text")
        try:
            self._template = _ENVIRONMENT.from_string(source)
        except TemplateSyntaxError as error:
            raise ValueError(f"not a template: {error.message}") from error
        self.source = source

    def render(self, document: Mapping[str, Any], escape: Callable[[str], str] = str) -> str:
        """Put the document's values in; ``escape`` is applied to each of them, and not to the author's own text.

        Raises:
            BadRecordError: the template cannot be rendered with this document, and never will be.
        """
        try:
            return self._template.render({**document, _ESCAPE: escape})
        except Exception as error:  # a filter raises whatever a value of the event makes it raise
            raise BadRecordError(f"template {self.source!r} cannot be rendered: {error}") from error

    def __repr__(self) -> str:
        return f"Template({self.source!r})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # immutable, and Jinja's compiled half cannot be copied: pydantic copies defaults

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Self], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls(value),
            json_schema_input_schema=core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda template: template.source),
        )
