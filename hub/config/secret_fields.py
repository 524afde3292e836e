"""Which fields of a model hold secrets: they stay out of messages, and ``{file: PATH}`` is read for them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from hub.config.file_secrets import Contents, Unreadable
from hub.config.nodes import Node
from hub.config.problems import Problems

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
    """Puts what ``read`` says of a file in place of ``{file: PATH}``, where a model expects a secret. Paths are
    relative to the configuration's folder.

    ``read`` None leaves the secrets unset, as variables are without an environment; with ``may_lack``, those that
    cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        problems: Problems,
        read: Callable[[Path], str | Unreadable] | None,
        *,
        may_lack: bool = False,
    ) -> None:
        self._may_lack = may_lack
        self._folder = folder
        self._problems = problems
        self._read = read

    def fill(self, model: type[BaseModel], node: Node) -> tuple[Node, dict[Path, str]]:
        """The same entry with the contents of its secrets' files in it, and these contents by themselves."""
        contents: dict[Path, str] = {}
        if not isinstance(node.value, Mapping):
            return node, contents
        members = {
            key: self._filled(member, contents) if is_secret(field_of(model, key)) else member
            for key, member in node.value.items()
        }
        return replace(node, value=members), contents

    def made_of(self, contents: Contents, problems: Problems) -> "SecretFiles":
        """The same, with these contents instead of the files'."""
        return SecretFiles(self._folder, problems, contents.__getitem__)

    def _filled(self, node: Node, contents: dict[Path, str]) -> Node:
        if isinstance(node.value, tuple):
            return replace(node, value=tuple(self._filled(element, contents) for element in node.value))
        path = file_in(node)
        if path is None or not isinstance(path.value, str):
            filled = {key: self._filled(member, contents) for key, member in node.items().items()}
            return replace(node, value=filled) if filled else node
        written = f"{{file: {path.written}}}"
        secret = None if path.unset else self._contents(path, self._folder / path.value)
        if secret is None:
            return Node(node.where, written, written=written, unset=True)
        contents[self._folder / path.value] = secret
        self._problems.mask(secret, written)
        return Node(node.where, secret, written=written)

    def _contents(self, node: Node, path: Path) -> str | None:
        found = None if self._read is None else self._read(path)
        if isinstance(found, Unreadable):
            if not self._may_lack:
                self._problems.add(node.where, f"the secret's file {path} {found.reason}")
            return None
        return found


def file_in(node: Node) -> Node | None:
    """PATH, where a node is ``{file: PATH}``."""
    return node.items().get("file") if len(node.items()) == 1 else None


def file_of_option(key: str, model: type[BaseModel], node: Node) -> Node | None:
    """The first ``{file: …}`` in what is written for a secret of a route's options."""
    if not is_secret(field_of(model, key)):
        return None
    members = (node, *node.elements(), *node.items().values())
    return next((member for member in members if file_in(member) is not None), None)


def refuse_files(model: type[BaseModel], options: Node, problems: Problems) -> bool:
    """Whether a route's options have a secret in a file; that is a problem: only connectors themselves are made anew
    when a file changes.
    """
    found = {key: file_of_option(key, model, member) for key, member in options.items().items()}
    for key, file in found.items():
        if file is not None:
            problems.add(
                file.where,
                f"`{key}`: what a route sets by `with` is not read from a file; write the secret as ${{VARIABLE}}, or "
                "put what differs into a destination of its own",
            )
    return any(found.values())
