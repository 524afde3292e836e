"""The options of a source whose entry has no ``secrets``: with those that are kept for it."""

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import BaseModel

from connectors.context import utc_now
from hub.config.file_secrets import Contents, FileSecrets, Unreadable, read_secret
from hub.config.kept_secrets import KeptSecrets, read_kept
from hub.config.nodes import Node
from hub.config.problems import Problems
from hub.config.reading import Options, Reading
from hub.config.secret_fields import HIDDEN

ModelT = TypeVar("ModelT", bound=BaseModel)


def kept_options(source: str, model: type[ModelT], node: Node, reading: Reading) -> Options[ModelT]:
    """As `Reading.options`; the folder of the kept secrets is one more of the files, which may come into being later.

    Nothing is kept for a configuration that is read without an environment.
    """
    if reading.home is None:
        return reading.options(model, node)
    folder = KeptSecrets(reading.home, source).folder
    found = read_kept(folder, utc_now())
    if isinstance(found, Unreadable):
        reading.problems.add(node.where, f"the secrets kept in {folder} {found.reason}")
        return Options(None)
    options = reading.options(model, _with(node, found, reading.problems))

    def made_of(contents: Contents) -> ModelT:
        problems = reading.problems.empty()
        again = replace(reading, problems=problems, secret_files=reading.secret_files.made_of(contents, problems))
        made = again.options(model, _with(node, contents[folder], problems)).made
        problems.raise_any()
        assert made is not None
        return made

    def read(path: Path) -> str | Unreadable:
        return read_kept(path, utc_now()) if path == folder else read_secret(path)

    others = {} if options.file_secrets is None else options.file_secrets.contents
    return replace(options, file_secrets=FileSecrets({**others, folder: found}, made_of, read))


def _with(node: Node, kept: str, problems: Problems) -> Node:
    """The entry as if the kept secrets stood in it."""
    values: list[str] = orjson.loads(kept)
    for value in values:
        problems.mask(value, HIDDEN)
    elements = tuple(Node(node.where, value, written=HIDDEN) for value in values)
    return replace(node, value={**node.items(), "secrets": Node.collection(node.where, elements)})
