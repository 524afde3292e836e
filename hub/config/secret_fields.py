"""Which fields of a model hold secrets: they stay out of messages, and ``{file: PATH}`` is read for them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from hub.config.nodes import Node
from hub.config.problems import Problems

MAX_BYTES = 65_536
HIDDEN = "(secret)"


def field_of(model: type[BaseModel], key: str | int) -> FieldInfo | None:
    """The field people write as ``key``."""
    return next((field for name, field in model.model_fields.items() if key == (field.alias or name)), None)


def classes_in(annotation: Any) -> Iterator[type[Any]]:
    """Every class an annotation mentions: of ``tuple[SecretStr, ...] | None`` SecretStr and NoneType."""
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from classes_in(argument)


def is_secret(field: FieldInfo | None) -> bool:
    """Whether a field holds a secret, or a collection of them."""
    return field is not None and any(issubclass(each, SecretStr | SecretBytes) for each in classes_in(field.annotation))


def mask_secrets(model: type[BaseModel], node: Node, problems: Problems) -> None:
    """Keep what stands in a model's secret fields out of every message, also where it is written in the file."""
    for key, member in node.items().items():
        field = field_of(model, key)
        if field is None:
            continue
        if is_secret(field):
            for scalar in member.scalars():
                if not scalar.unset and not problems.masks(str(scalar.value)):  # written in the file itself
                    problems.mask(str(scalar.value), HIDDEN)
                    problems.mask(scalar.written, HIDDEN)
        for nested in classes_in(field.annotation):
            if issubclass(nested, BaseModel):
                for each in (member, *member.elements(), *member.items().values()):
                    mask_secrets(nested, each, problems)


class SecretFiles:
    """Reads ``{file: PATH}`` where a model expects a secret. Paths are relative to the configuration's folder.

    ``read`` False leaves the secrets unset, as variables are without an environment.
    """

    def __init__(self, folder: Path, problems: Problems, *, read: bool) -> None:
        self._folder = folder
        self._problems = problems
        self._read = read

    def fill(self, model: type[BaseModel], node: Node) -> Node:
        """The same entry with the contents of its secrets' files in place of ``{file: PATH}``."""
        if not isinstance(node.value, Mapping):
            return node
        members = {
            key: self._filled(member) if is_secret(field_of(model, key)) else member
            for key, member in node.value.items()
        }
        return replace(node, value=members)

    def _filled(self, node: Node) -> Node:
        if isinstance(node.value, tuple):
            return replace(node, value=tuple(self._filled(element) for element in node.value))
        members = node.items()
        path = members.get("file")
        if path is None or len(members) != 1 or not isinstance(path.value, str):
            filled = {key: self._filled(member) for key, member in members.items()}
            return replace(node, value=filled) if members else node
        written = f"{{file: {path.written}}}"
        secret = None if path.unset or not self._read else self._contents(path, self._folder / path.value)
        if secret is None:
            return Node(node.where, written, written=written, unset=True)
        self._problems.mask(secret, written)
        return Node(node.where, secret, written=written)

    def _contents(self, node: Node, path: Path) -> str | None:
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except OSError as error:
            self._problems.add(node.where, f"the secret's file {path} cannot be read: {error.strerror}")
            return None
        if len(data) > MAX_BYTES:
            self._problems.add(node.where, f"the secret's file {path} is larger than {MAX_BYTES // 1024} kB")
            return None
        try:
            return data.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            self._problems.add(node.where, f"the secret's file {path} is not UTF-8 text")
            return None
