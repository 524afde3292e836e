"""Where the keys of routes stand in the file, for what is found out about them once they are typed values."""

from collections.abc import Iterator, Mapping

from hub.config.model import Place, Where
from hub.config.nodes import Node

_OR = "$or"


def places_of(routes: Node) -> dict[Place, Where]:
    """The place of everything inside ``routes:``. Dots and nesting mean the same, and what stands under ``$or`` counts
    as if it stood beside it; of two that lead to one name the first counts.
    """
    places: dict[Place, Where] = {}
    for route in routes.elements():
        name = str(route.at(["id"]).value)
        for path, where in _within(route, (name,)):
            places.setdefault(path, where)
    return places


def place_of(places: Mapping[Place, Where], path: Place, default: Where) -> Where:
    """The place of a path, or of the innermost thing around it that has one."""
    for end in range(len(path), 1, -1):
        if path[:end] in places:
            return places[path[:end]]
    return default


def _within(node: Node, path: Place) -> Iterator[tuple[Place, Where]]:
    yield path, node.where
    for key, member in node.items().items():
        if key == _OR:
            for element in member.elements():
                yield from _within(element, path)
        else:
            yield from _within(member, (*path, *key.split(".")))
    for position, element in enumerate(node.elements()):
        yield from _within(element, (*path, position))
