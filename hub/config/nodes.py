"""The values of a configuration, each with the line it was written on."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hub.config.model import Where

Scalar = str | int | float | bool | None
Path = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the configuration. ``where`` is the line of its key in a mapping, of itself in a list.

    ``written`` is a scalar's text before variables were put in. ``unset`` says that a variable in it has no value,
    so that nothing can be said about the scalar.
    """

    where: Where
    value: "Scalar | tuple[Node, ...] | Mapping[str, Node]"
    written: str = ""
    unset: bool = False
    size: int = 1
    depth: int = 1

    @classmethod
    def collection(cls, where: Where, value: "tuple[Node, ...] | Mapping[str, Node]") -> "Node":
        nodes = tuple(value.values()) if isinstance(value, Mapping) else value
        size = 1 + sum(node.size for node in nodes)
        return cls(where, value, size=size, depth=1 + max((node.depth for node in nodes), default=0))

    def plain(self) -> Any:
        """The value as plain dicts, lists and scalars."""
        if isinstance(self.value, Mapping):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, Mapping)

    def items(self) -> Mapping[str, "Node"]:
        """The members of a mapping; none where it is none."""
        return self.value if isinstance(self.value, Mapping) else {}

    def elements(self) -> tuple["Node", ...]:
        """The elements of a list; none where it is none."""
        return self.value if isinstance(self.value, tuple) else ()

    def at(self, path: Path) -> "Node":
        """The node at a path, or the last one on the way where the path leads nowhere."""
        node = self
        for step in path:
            node = node.child(step) or node
        return node

    def child(self, step: str | int) -> "Node | None":
        if isinstance(self.value, Mapping):
            return self.value.get(str(step))
        if isinstance(self.value, tuple) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]
        return None

    def without(self, nodes: "Collection[Node]") -> "Node":
        """The same without these, which are compared by identity."""

        def stays(node: Node) -> bool:
            return not any(node is each for each in nodes)

        if isinstance(self.value, Mapping):
            rest = {key: node.without(nodes) for key, node in self.value.items() if stays(node)}
            return replace(self, value=rest)
        if isinstance(self.value, tuple):
            return replace(self, value=tuple(node.without(nodes) for node in self.value if stays(node)))
        return self

    def scalars(self) -> Iterator["Node"]:
        """Every scalar in it, itself included."""
        if isinstance(self.value, Mapping):
            for node in self.value.values():
                yield from node.scalars()
        elif isinstance(self.value, tuple):
            for node in self.value:
                yield from node.scalars()
        else:
            yield self

    @property
    def has_unset(self) -> bool:
        return any(scalar.unset for scalar in self.scalars())
