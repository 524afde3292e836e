"""What every part of the loader is given."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from connectors.registry import Kind, Registry
from hub.config.file_secrets import Contents, FileSecrets
from hub.config.nodes import Node
from hub.config.problems import Problems
from hub.config.secret_fields import SecretFiles
from hub.config.validation import validate

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reading:
    """One load of one configuration: where problems go, which connectors there are, how secrets are read.

    ``variables`` is the environment, and ``home`` the data folder in it; None where nothing is to be looked up.
    """

    problems: Problems
    registry: Registry
    secret_files: SecretFiles
    variables: Mapping[str, str] | None = None
    home: Path | None = None

    def type_of(self, kind: Kind, node: Node) -> "TypeName | None":
        """The ``type`` of an entry; None where it has none that can be looked up."""
        known = ", ".join(self.registry.names(kind)) or "none is installed"
        if not node.is_mapping:
            self.problems.add(node.where, f"expected {{type: …}} with the options of a {kind}; types: {known}")
            return None
        name = node.items().get("type")
        if name is None:
            self.problems.add(node.where, f"`type` is missing; expected one of {known}")
            return None
        if not isinstance(name.value, str):
            self.problems.add(name.where, f"`type`: expected one of {known}")
            return None
        return None if name.unset else TypeName(name, name.value)

    def options(self, model: type[ModelT], node: Node, *, known: Collection[str] = ()) -> "Options[ModelT]":
        """A connector's own options. ``known`` as for `validate`."""
        filled, contents = self.secret_files.fill(model, node)
        options = validate(model, filled, self.problems, known=known)

        def made_of(contents: Contents) -> ModelT:
            problems = self.problems.empty()
            filled, _ = self.secret_files.made_of(contents, problems).fill(model, node)
            made = validate(model, filled, problems, known=known)
            problems.raise_any()
            assert made is not None
            return made

        return Options(options, FileSecrets(contents, made_of) if contents else None, whole=not filled.has_unset)


@dataclass(frozen=True, slots=True)
class Options(Generic[ModelT]):
    """``made`` None: there are problems. ``file_secrets`` are those in files, if any. ``whole`` False: something has no
    value, so that they are good to look at, and not to run.
    """

    made: ModelT | None
    file_secrets: FileSecrets[ModelT] | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class TypeName:
    node: Node
    value: str


def without(node: Node, *keys: str) -> Node:
    """A mapping without some of its keys."""
    return replace(node, value={key: member for key, member in node.items().items() if key not in keys})


def only(node: Node, keys: set[str]) -> Node:
    """A mapping with some of its keys."""
    return replace(node, value={key: member for key, member in node.items().items() if key in keys})


def digest(node: Node, *more: str) -> str:
    """Hex digits that change when anything that is written in a node does, variables put in; it tells no secret."""
    return hashlib.sha256("\0".join((repr(node.plain()), *more)).encode(errors="surrogatepass")).hexdigest()
