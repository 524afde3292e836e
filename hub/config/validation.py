"""Nodes → pydantic models, with every error at the line it belongs to."""

from collections.abc import Collection
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hub.config.nodes import Node
from hub.config.problems import Problems
from hub.config.secret_fields import classes_in, field_of, mask_secrets
from hub.config.wording import worded

ModelT = TypeVar("ModelT", bound=BaseModel)

_ABOUT_KEYS = {"missing", "extra_forbidden"}


def validate(
    model: type[ModelT], node: Node, problems: Problems, *, known: Collection[str] = (), optional: bool = False
) -> ModelT | None:
    """Read a mapping as a model; None where it is not one, and the problems say why.

    ``known`` are further keys that are allowed beside the model's, for "did you mean". ``optional`` accepts that
    required fields are missing. Where the only fault is a variable that has no value, the model is returned
    unchecked: good to look at, not to run.
    """
    mask_secrets(model, node, problems)
    try:
        return model.model_validate(node.plain())
    except ValidationError as error:
        errors = [each for each in error.errors() if not (optional and each["type"] == "missing")]
    certain = [each for each in errors if each["type"] in _ABOUT_KEYS or not node.at(each["loc"]).has_unset]
    for each in certain:
        _report(each, model, node, problems, known)
    return None if certain else model.model_construct(**node.plain())


def _report(
    error: ErrorDetails, model: type[BaseModel], node: Node, problems: Problems, known: Collection[str]
) -> None:
    path = error["loc"]
    at = node.at(path)
    beside = keys_at(model, path[:-1])
    problems.add(at.where, worded(error, at, {*beside, *known} if len(path) == 1 else beside))


def keys(model: type[BaseModel]) -> set[str]:
    """The keys people write for a model."""
    return {field.alias or name for name, field in model.model_fields.items()}


def keys_at(model: type[BaseModel], path: tuple[str | int, ...]) -> set[str]:
    """The keys of the model that is nested at a path."""
    for step in path:
        field = field_of(model, step)
        nested = (
            next((each for each in classes_in(field.annotation) if issubclass(each, BaseModel)), None)
            if field
            else None
        )
        if nested is not None:
            model = nested
    return keys(model)
