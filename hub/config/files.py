"""The file or folder of a configuration → one tree of nodes. A name defined twice is an error naming both places."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hub.config.composing import MAX_BYTES, UnreadableError, parse
from hub.config.model import Where
from hub.config.nodes import Node
from hub.config.problems import ConfigurationError, Problems
from hub.log.topics import Topics

_NAMED = ("sources", "destinations")
_LISTED = ("routes", "tests")


@dataclass(frozen=True, slots=True)
class Text:
    """One file as it was read."""

    path: Path
    text: str


def folder_of(path: Path) -> Path:
    """The folder that relative paths and ``.env`` are beside."""
    return path if path.is_dir() else path.parent


def read_texts(path: Path, problems: Problems) -> list[Text]:
    """The file, or every ``*.yaml`` of the folder, in the order of their names."""
    if not path.is_dir():
        return _read([path], problems)
    paths = sorted(each for each in path.glob("*.yaml") if not each.name.startswith("."))
    for each in sorted(path.glob("*.yml")):
        problems.add(Where(str(each), 0), "is not read; files of a configuration end in .yaml, so rename it")
    if not paths:
        problems.add(Where(str(path), 0), "this folder has no *.yaml in it; `hub init` writes a hub.yaml")
    return _read(paths, problems)


def name_in(path: Path) -> str | None:
    """The hub's name, also where the rest cannot be used; None where not even that can be read."""
    problems = Problems()
    found = tree(read_texts(path, problems), path, problems).items().get("name")
    if found is not None:
        return found.value if isinstance(found.value, str) and "$" not in found.value else None
    try:
        problems.raise_any()
    except ConfigurationError:  # it may be in what cannot be read
        return None
    return Topics().hub


def _read(paths: Iterable[Path], problems: Problems) -> list[Text]:
    texts = []
    for path in paths:
        where = Where(str(path), 0)
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
            text = data.decode("utf-8-sig")
        except FileNotFoundError:
            problems.add(where, "not found; `hub init` writes one")
        except OSError as error:
            problems.add(where, f"cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            problems.add(where, "is not UTF-8 text; is it a YAML file?")
        else:
            texts.append(Text(path, text.replace("\r\n", "\n")))
    return texts


def revision_of(texts: Iterable[Text]) -> str:
    """12 hex digits that name exactly these texts, variables unexpanded."""
    return hashlib.sha256("\0".join(each.text for each in texts).encode()).hexdigest()[:12]


def tree(texts: Iterable[Text], path: Path, problems: Problems) -> Node:
    """Parse and merge the texts into the one mapping they are."""
    merged: dict[str, Node] = {}
    for each in texts:
        try:
            root = parse(each.text, str(each.path))
        except UnreadableError as error:
            problems.add(Where(str(each.path), error.line), str(error))
            continue
        if not root.is_mapping:
            problems.add(root.where, "expected keys and values at the top, beginning with `version: 1`")
        for key, node in root.items().items():
            if node.value is not None and not key.startswith("x-"):
                merged[key] = _join(key, merged[key], node, problems) if key in merged else node
    return Node.collection(Where(str(path), 0), merged)


def _join(key: str, first: Node, second: Node, problems: Problems) -> Node:
    if key in _LISTED and isinstance(first.value, tuple) and isinstance(second.value, tuple):
        return Node.collection(first.where, first.value + second.value)
    if key in _NAMED and first.is_mapping and second.is_mapping:
        for name in first.items().keys() & second.items().keys():
            _twice(f"{key.removesuffix('s')} `{name}`", first.items()[name], second.items()[name], problems)
        return Node.collection(first.where, {**second.items(), **first.items()})
    if key != "version" or first.value != second.value:
        _twice(f"`{key}`", first, second, problems)
    return first


def _twice(what: str, first: Node, second: Node, problems: Problems) -> None:
    problems.add(second.where, f"{what} is already defined in {first.where}; keep one")
