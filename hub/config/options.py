"""The options of pydantic models, in words: what ``hub connectors`` prints and the reference is made of."""

import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from connectors.api import Template
from connectors.expression import Expression
from connectors.registry import Kind
from hub.config.model import DeliverySettings
from hub.config.secret_fields import is_secret
from schemas.quantities import parse_size, write_duration


@dataclass(frozen=True, slots=True)
class Option:
    """One key people may write. ``name`` of a nested one has dots; ``default`` is as it would be written."""

    name: str
    type: str
    default: str
    required: bool
    secret: bool
    description: str


def options_of(kind: Kind, connector: Any) -> dict[str, list[Option]]:
    """All options of a connector, by where they are written."""
    found = {f"in `{kind}s`": options(connector.config_model)}
    if kind is Kind.DESTINATION:
        if connector.options_model.model_fields:
            found["in a route's `with`, or as a default in `destinations`"] = options(connector.options_model)
        found["in every destination, or in `defaults`"] = options(DeliverySettings)
    return found


def options(model: type[BaseModel], prefix: str = "") -> list[Option]:
    """The options of a model, those of nested models after their parent with its name before theirs."""
    return [option for name, field in model.model_fields.items() for option in _options(name, field, prefix)]


def _options(name: str, field: FieldInfo, prefix: str) -> Iterator[Option]:
    name = prefix + (field.alias or name)
    nested = _model(field.annotation)
    if nested is not None:
        own = field.default is not None  # else another place has the defaults
        yield from (each if own else replace(each, default="") for each in options(nested, f"{name}."))
        return
    given = not field.is_required() and field.default_factory is None  # a factory makes an empty collection
    yield Option(
        name=name,
        type=type_of(field),
        default=written(field.default, size=_is_size(field)) if given else "",
        required=field.is_required(),
        secret=is_secret(field),
        description=field.description or "",
    )


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model of a nested mapping, which may be optional."""
    alternatives = get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)
    return next((each for each in alternatives if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _is_size(field: FieldInfo) -> bool:
    return any(getattr(each, "func", None) is parse_size for each in field.metadata)


def type_of(field: FieldInfo) -> str:
    """What a field takes, in words: ``duration``, ``list of secrets``."""
    return field.title or ("size" if _is_size(field) else type_in_words(field.annotation))


_WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    timedelta: "duration",
    Template: "template",
    Expression: "JMESPath",
    SecretStr: "secret",
    SecretBytes: "secret",
    Any: "any",
}


def type_in_words(annotation: Any) -> str:
    """``list of secrets`` for ``tuple[SecretStr, ...]``, the choices of an enum, and so on."""
    if annotation in _WORDS:
        return _WORDS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{choice.value}`" for choice in annotation)
    compose = _COMPOSED.get(get_origin(annotation))
    arguments = get_args(annotation)
    return compose(arguments) if compose else getattr(annotation, "__name__", str(annotation))


def _alternatives(arguments: tuple[Any, ...]) -> str:
    return " or ".join(type_in_words(each) for each in arguments if each is not types.NoneType)


def _list(arguments: tuple[Any, ...]) -> str:
    element = type_in_words(arguments[0])
    return f"list of {element}{'s' if element in _COUNTED else ''}"


_COUNTED = {"secret", "template", "number", "whole number", "duration", "size"}
_COMPOSED: dict[Any, Callable[[tuple[Any, ...]], str]] = {
    Annotated: lambda arguments: type_in_words(arguments[0]),
    Literal: lambda arguments: " or ".join(f"`{choice}`" for choice in arguments),
    Union: _alternatives,
    types.UnionType: _alternatives,
    dict: lambda arguments: f"name → {type_in_words(arguments[1])}",
    list: _list,
    tuple: _list,
}


_BYTES = (("GB", 1000**3), ("MB", 1000**2), ("kB", 1000))


def written(value: Any, *, size: bool = False) -> str:
    """A value as it is written in ``hub.yaml``; nothing for what is empty or absent."""
    if isinstance(value, tuple):
        return " ".join(written(each, size=size) for each in value)
    if isinstance(value, timedelta):
        return write_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and size:
        return next((f"{value // one}{unit}" for unit, one in _BYTES if value >= one and value % one == 0), f"{value}B")
    if isinstance(value, Enum):
        return str(value.value)
    shown = value.source if isinstance(value, Template | Expression) else value
    return "" if shown is None or shown in ("", [], {}) else str(shown)
