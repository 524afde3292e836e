"""Nodes → pydantic models, with every error at the line it belongs to."""

from collections.abc import Collection, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from hub.config.nodes import Node
from hub.config.options import type_of
from hub.config.problems import Problems
from hub.config.secret_fields import classes_in, field_of, mask_secrets
from hub.config.wording import unknown_key, worded

ModelT = TypeVar("ModelT", bound=BaseModel)

_ABOUT_KEYS = {"missing", "extra_forbidden"}


def validate(
    model: type[ModelT], node: Node, problems: Problems, *, known: Collection[str] = (), optional: bool = False
) -> ModelT | None:
    """Read a mapping as a model; None where it is not one, and the problems say why.

    ``known`` are further keys that are allowed beside the model's, for "did you mean". ``optional`` accepts that
    required fields are missing. Where the only fault is that variables have no value, the model is returned all the
    same, with defaults for these, or with what is written where there is no default: good to look at, not to run.
    """
    mask_secrets(model, node, problems)
    try:
        return model.model_validate(node.plain())
    except ValidationError as error:
        errors = [each for each in error.errors() if not (optional and each["type"] == "missing")]
    certain = [each for each in errors if each["type"] in _ABOUT_KEYS or not node.at(each["loc"]).has_unset]
    for each in certain:
        _report(each, model, node, problems, known)
    return None if certain else _without_unset(model, node, [node.at(each["loc"]) for each in errors])


def _without_unset(model: type[ModelT], node: Node, unset: Collection[Node]) -> ModelT:
    rest = node.without(unset)
    try:
        return model.model_validate(rest.plain())
    except ValidationError:  # something that is required has no value
        values: dict[str, Any] = {}
        for name, field in model.model_fields.items():
            key = field.alias or name
            if key in rest.items():
                values[name] = _converted(field, rest.items()[key].plain())
            elif key in node.items() and field.is_required():
                values[name] = node.items()[key].plain()
        return model.model_construct(**values)


def _converted(field: FieldInfo, value: Any) -> Any:
    kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return value


def _report(
    error: ErrorDetails, model: type[BaseModel], node: Node, problems: Problems, known: Collection[str]
) -> None:
    path = error["loc"]
    name, at = _name(path, node), node.at(path)
    if error["type"] == "extra_forbidden":
        beside = keys(model_at(model, path[:-1]))
        problems.add(at.where, unknown_key(name, {*beside, *known} if len(path) == 1 else beside))
    elif error["type"] == "missing":
        field = field_of(model_at(model, path[:-1]), path[-1])
        expected = f"; expected {type_of(field)}" if field else ""
        problems.add(at.where, f"`{name}` is missing{expected}")
    else:
        problems.add(at.where, worded(error, name, at))


def _name(path: Sequence[str | int], node: Node) -> str:
    """The path as people wrote it, ``secrets[0]`` or ``retry.max_age``: pydantic puts the branch of a union in, too."""
    name = ""
    for position, step in enumerate(path):
        child = node.child(step)
        if child is None and position < len(path) - 1:
            continue
        if child is None and (not isinstance(step, str) or not step.isidentifier()):
            break
        name += f"[{step}]" if isinstance(step, int) else f".{step}" if name else step
        node = child or node
    return name


def keys(model: type[BaseModel]) -> set[str]:
    """The keys people write for a model."""
    return {field.alias or name for name, field in model.model_fields.items()}


def model_at(model: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel]:
    """The model that is nested at a path."""
    for step in path:
        field = field_of(model, step)
        classes = classes_in(field.annotation) if field else ()
        model = next((each for each in classes if issubclass(each, BaseModel)), model)
    return model
