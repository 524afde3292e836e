"""JMESPath expressions of the configuration: compiled when it is read, applied to bodies of any shape."""

import re
import warnings
from typing import Any, Self

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from connectors.errors import BadRecordError

_PLAIN_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


class Expression:
    """A JMESPath expression, compiled once. A field of this type takes its text from ``hub.yaml``; a syntax error is
    reported with its line there.
    """

    def __init__(self, source: str) -> None:
        if not isinstance(source, str):
            raise ValueError("not a JMESPath expression: write text, like data.order.id")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", PendingDeprecationWarning)
                self._compiled = jmespath.compile(source)
        except JMESPathError as error:
            raise ValueError(f"not a JMESPath expression: {str(error).splitlines()[0]}") from error
        except PendingDeprecationWarning:
            raise ValueError(
                "not a JMESPath expression: between backquotes stands JSON; write text in single quotes"
            ) from None
        self.source = source
        self._path = tuple(source.split(".")) if _PLAIN_PATH.fullmatch(source) else None

    def find(self, value: Any) -> Any:
        """What the expression finds in a parsed body; None where it finds nothing or does not apply to the shape."""
        if self._path is not None:  # most expressions are; JMESPath takes ten times as long for the same
            for name in self._path:
                value = value.get(name) if isinstance(value, dict) else None
            return value
        try:
            return self._compiled.search(value)
        except (JMESPathError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
            # A function of the expression met a value it is not made for: the sender's doing, so no error of ours.
            return None

    def project(self, value: Any) -> Any:
        """What the expression makes of a value; null where it finds nothing.

        Raises:
            BadRecordError: a function in it refuses what it is given, for this value and ever.
        """
        try:
            return self._compiled.search(value)
        except (JMESPathError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise BadRecordError(f"{self.source!r} cannot be applied: {str(error)[:200]}") from error

    @property
    def path(self) -> tuple[str, ...] | None:
        """The names it walks along, where it is a plain path such as ``data.order.id``; else None."""
        return self._path

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Self], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls(value),
            json_schema_input_schema=core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda expression: expression.source),
        )
