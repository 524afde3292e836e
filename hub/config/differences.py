"""What one text of a configuration says differently from another: for people who are about to apply it. No secrets."""

import json
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from pydantic import BaseModel

from connectors.registry import ConnectorError, Registry
from hub.config.files import Text, tree
from hub.config.model import DeliverySettings
from hub.config.nodes import Node
from hub.config.problems import Problems
from hub.config.secret_fields import HIDDEN, field_of, is_secret
from hub.config.validation import model_at
from hub.config.written import WrittenFile, WrittenRoute

Path = tuple[str, ...]
IsSecret = Callable[[Path], bool]

_SECTIONS = ("sources", "destinations", "routes")
_UNSAID = frozenset({*_SECTIONS, "tests", "version"})


class How(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"


@dataclass(frozen=True, slots=True)
class KeyDifference:
    """One key, ``retry.max_attempts``, and what stands there; None where there is no such key."""

    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """``what`` is a source, a destination, a route, or the settings at the top; ``was`` is its former name, if any."""

    what: str
    name: str
    how: How
    keys: tuple[KeyDifference, ...] = ()
    was: str | None = None


def differences(
    before: Mapping[str, str], after: Mapping[str, str], registry: Registry | None = None
) -> list[Difference]:
    """From one to the other, both file name → text, variables unexpanded; in the order of the file. Both must have been
    read without a problem.
    """
    old, new = _root(before), _root(after)
    known = registry or Registry.installed()
    found = [*_settings(old, new)]
    for section in _SECTIONS:
        secrets = _Secrets(section, (old, new), known)
        found += _between(section.removesuffix("s"), _entries(old, section), _entries(new, section), secrets)
    if _order(old, new) != _order(new, old):
        found.append(Difference("settings", "routes", How.CHANGED, (KeyDifference("order", None, "another"),)))
    return found


def _root(texts: Mapping[str, str]) -> Node:
    problems = Problems()
    root = tree(
        [Text(pathlib.Path(name), text) for name, text in sorted(texts.items())], pathlib.Path("hub.yaml"), problems
    )
    problems.raise_any()
    return root


def _order(one: Node, other: Node) -> list[str]:
    """The routes that both have, as one has them in order."""
    there = _entries(other, "routes")
    return [name for name in _entries(one, "routes") if name in there]


def _entries(root: Node, section: str) -> dict[str, Node]:
    node = root.items().get(section)
    if node is None:
        return {}
    if section == "routes":
        return {str(element.at(["id"]).value): element for element in node.elements()}
    return dict(node.items())


def _settings(old: Node, new: Node) -> Iterator[Difference]:
    before, after = ({key: node for key, node in root.items().items() if key not in _UNSAID} for root in (old, new))
    for name in dict.fromkeys([*before, *after]):
        keys = _keys(before.get(name), after.get(name), partial(_secret_in_file, name))
        if keys:
            yield Difference("settings", name, How.CHANGED, keys)


def _secret_in_file(top: str, path: Path) -> bool:
    return _secret_in(WrittenFile, (top, *path))


def _between(
    what: str, before: Mapping[str, Node], after: Mapping[str, Node], secrets: "_Secrets"
) -> Iterator[Difference]:
    formerly = {name: str(node.items()["was"].value) for name, node in after.items() if "was" in node.items()}
    renamed = {name: was for name, was in formerly.items() if name not in before and was in before}
    for name in before:
        if name not in after and name not in renamed.values():
            yield Difference(what, name, How.REMOVED)
    for name, node in after.items():
        was = renamed.get(name)
        if name not in before and was is None:
            yield Difference(what, name, How.ADDED, _keys(None, node, secrets.of(name)))
            continue
        keys = _keys(before[was or name], node, secrets.of(name))
        if was is not None:
            yield Difference(what, name, How.RENAMED, tuple(key for key in keys if key.key not in {"id", "was"}), was)
        elif keys:
            yield Difference(what, name, How.CHANGED, keys)


class _Secrets:
    """Which keys of an entry hold secrets, by the models of its connector."""

    def __init__(self, section: str, roots: tuple[Node, Node], registry: Registry) -> None:
        self._section = section
        self._roots = roots
        self._registry = registry

    def of(self, name: str) -> IsSecret:
        """Whether a path in the entry of that name is a secret's."""
        if self._section == "routes":
            return self._in_route
        models = self._models(self._section, name)
        return lambda path: models is None or any(_secret_in(model, path) for model in models)

    def _in_route(self, path: Path) -> bool:
        if path[:1] != ("with",) or len(path) < 3:
            return _secret_in(WrittenRoute, path)
        models = self._models("destinations", path[1])
        return models is None or any(_secret_in(model, path[2:]) for model in models)

    def _models(self, section: str, name: str) -> list[type[BaseModel]] | None:
        """None: nobody knows, so everything may be one."""
        found: list[type[BaseModel]] = [DeliverySettings]
        for root in self._roots:
            entry = _entries(root, section).get(name)
            kind = entry.items().get("type") if entry else None
            if kind is None:
                continue
            try:
                if section == "sources":
                    found.append(self._registry.source(str(kind.value)).config_model)
                else:
                    connector = self._registry.destination(str(kind.value))
                    found += [connector.config_model, connector.options_model]
            except ConnectorError:
                return None
        return found


def _secret_in(model: type[BaseModel], path: Path) -> bool:
    return any(is_secret(field_of(model_at(model, path[:depth]), step)) for depth, step in enumerate(path))


def _keys(before: Node | None, after: Node | None, is_secret_at: IsSecret) -> tuple[KeyDifference, ...]:
    old, new = dict(_flat(before)), dict(_flat(after))
    return tuple(
        KeyDifference(
            ".".join(path),
            _shown(old[path], secret=is_secret_at(path)) if path in old else None,
            _shown(new[path], secret=is_secret_at(path)) if path in new else None,
        )
        for path in dict.fromkeys([*old, *new])
        if (path in old) != (path in new) or old[path] != new[path]
    )


def _flat(node: Node | None, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Path → the value that stands there, a scalar or a list."""
    if node is None:
        return
    if node.items():
        for key, member in node.items().items():
            yield from _flat(member, (*path, key))
    else:
        yield path, node.plain()


_VARIABLE = re.compile(r"\$\{[^}]*\}")


def _shown(value: Any, *, secret: bool) -> str:
    if secret and isinstance(value, list):
        return f"[{', '.join(_shown(each, secret=True) for each in value)}]"
    if isinstance(value, str):
        return HIDDEN if secret and not _VARIABLE.fullmatch(value) else value
    return HIDDEN if secret else json.dumps(value, ensure_ascii=False)
