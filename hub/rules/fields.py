"""The values of many fields of one document, in one walk."""

from collections.abc import Iterable, Mapping
from typing import Any

from hub.rules.conditions import Scalar
from hub.rules.walking import elements, is_object


class FieldTree:
    """The fields somebody asks about, as a tree of keys, so that a walk visits nothing else.

    A field is named by its path joined by dots.
    """

    __slots__ = ("children", "field")

    def __init__(self) -> None:
        self.children: dict[str, FieldTree] = {}
        self.field: str | None = None

    def add(self, path: Iterable[str]) -> None:
        node = self
        for part in path:
            node = node.children.setdefault(part, FieldTree())
        node.field = ".".join(path)


class Under:
    """What is under one top-level key: values by field, and whether a list of objects was on the way to any of them."""

    __slots__ = ("has_lists", "values")

    def __init__(self) -> None:
        self.values: dict[str, list[Scalar]] = {}
        self.has_lists = False


class Fields:
    """The values of a document's fields, read on demand, one top-level key at a time.

    So a body is parsed only when a route that is still possible looks at it.
    """

    __slots__ = ("_document", "_read", "_tree")

    def __init__(self, tree: FieldTree, document: Mapping[str, Any]) -> None:
        self._tree = tree
        self._document = document
        self._read: dict[str, Under] = {}

    def under(self, key: str) -> Under:
        """The fields under one top-level key."""
        found = self._read.get(key)
        if found is None:
            found = self._read[key] = Under()
            try:
                value = self._document[key]
            except KeyError:
                return found
            _read(self._tree.children[key], value, found)
        return found


def _read(node: FieldTree, value: Any, found: Under) -> None:
    """Recursion is bounded by the depth of the tree, not of the document."""
    if type(value) is str:  # the usual case
        if node.field is not None:
            found.values.setdefault(node.field, []).append(value)
        return
    in_list = isinstance(value, list | tuple)
    for element in elements(value) if in_list else (value,):
        if not is_object(element):
            if node.field is not None:
                found.values.setdefault(node.field, []).append(element)
        elif node.children:
            found.has_lists |= in_list
            for name, member in element.items():
                child = node.children.get(name) or _dotted(node, name)
                if child is not None:
                    _read(child, member, found)


def _dotted(node: FieldTree, name: Any) -> FieldTree | None:
    """Where ``{"a.b": …}`` leads: the same place as ``{"a": {"b": …}}``."""
    if not isinstance(name, str) or "." not in name:  # YAML, unlike JSON, has keys that are not text
        return None
    inner: FieldTree | None = node
    for part in name.split("."):
        inner = inner.children.get(part) if inner is not None else None
    return inner
