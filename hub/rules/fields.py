"""The values of many fields of one document, in one walk."""

from collections.abc import Iterable, Mapping
from typing import Any

from hub.rules.conditions import Scalar
from hub.rules.walking import elements, is_object

Values = Mapping[str, list[Scalar]]
"""Values by field; one without a value is missing."""


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


class Fields:
    """The values of a document's fields, read on demand, one top-level key at a time. ``has_lists``: whether a list of
    objects was on the way to any that was read so far.

    So a body is parsed only when a route that is still possible looks at it.
    """

    __slots__ = ("_document", "_read", "_tree", "has_lists")

    def __init__(self, tree: FieldTree, document: Mapping[str, Any]) -> None:
        self._tree = tree
        self._document = document
        self._read: dict[str, Values] = {}
        self.has_lists = False

    def under(self, key: str) -> Values:
        """The fields under one top-level key."""
        values = self._read.get(key)
        if values is None:
            found: dict[str, list[Scalar]] = {}
            values = self._read[key] = found
            try:
                value = self._document[key]
            except KeyError:
                return values
            self.has_lists |= _read(self._tree.children[key], value, found)
        return values


def _read(node: FieldTree, value: Any, found: dict[str, list[Scalar]]) -> bool:
    """Whether there were lists of objects. Recursion is bounded by the depth of the tree, not of the document."""
    if type(value) is str:  # the usual case
        if node.field is not None:
            found.setdefault(node.field, []).append(value)
        return False
    in_list = isinstance(value, list | tuple)
    lists = False
    for element in elements(value) if in_list else (value,):
        if not is_object(element):
            if node.field is not None:
                found.setdefault(node.field, []).append(element)
        elif node.children:
            lists |= in_list
            for name, member in element.items():
                child = node.children.get(name) or _dotted(node, name)
                if child is not None:
                    lists |= _read(child, member, found)
    return lists


def _dotted(node: FieldTree, name: Any) -> FieldTree | None:
    """Where ``{"a.b": …}`` leads: the same place as ``{"a": {"b": …}}``."""
    if not isinstance(name, str) or "." not in name:  # YAML, unlike JSON, has keys that are not text
        return None
    inner: FieldTree | None = node
    for part in name.split("."):
        inner = inner.children.get(part) if inner is not None else None
    return inner
