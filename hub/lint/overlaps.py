"""Routes that take each other's events: one with ``stop`` before it leaves nothing, or both deliver to one place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hub.config.model import Configuration, Finding, Route
from hub.config.places import place_of
from hub.rules import Pattern, RouteIndex
from hub.rules.comparing import examples, implies


@dataclass(frozen=True, slots=True)
class Taker:
    """What a route takes, as far as patterns say. ``stop``: later routes do not get it. ``whole``: it takes everything
    its pattern matches; not so a sample, or one that leaves events out.
    """

    when: Pattern | None
    stop: bool = False
    whole: bool = True


def shadowed(takers: Sequence[Taker]) -> dict[int, int]:
    """Position of each route that gets nothing → position of the first one before it that takes everything it could."""
    stops = [position for position, taker in enumerate(takers) if taker.stop and taker.whole]
    index = RouteIndex([takers[position].when for position in stops])
    found: dict[int, int] = {}
    for position, taker in enumerate(takers):
        for earlier in (stops[i] for i in _candidates(taker.when, index)):
            if earlier < position and implies(taker.when, takers[earlier].when):
                found[position] = earlier
                break
    return found


def _candidates(pattern: Pattern | None, index: RouteIndex) -> list[int]:
    """The patterns of the index that may be implied by this one, ascending; most are ruled out by an example."""
    return sorted({i for document in examples(pattern) for i in index.match(document)})


def overlap_findings(configuration: Configuration) -> Iterator[Finding]:
    """Shadowed routes, and events that are delivered to a destination twice."""
    routes = [route for route in configuration.routes if route.enabled]
    hidden = shadowed([taker(route) for route in routes])
    for position, by in hidden.items():
        route, other = routes[position], routes[by]
        yield Finding(
            place_of(configuration.places, (route.id, "when"), route.where),
            "shadowed",
            f"route `{route.id}` gets nothing: `{other.id}` ({other.where}) takes everything it could, and has `stop`",
            f"move it before `{other.id}`, or take it out",
        )
    yield from _twice([route for i, route in enumerate(routes) if i not in hidden], configuration)


def taker(route: Route) -> Taker:
    """What a route takes."""
    whole = route.unless is None and route.sample is None and not route.otherwise
    return Taker(route.when, stop=route.stop, whole=whole)


def _twice(routes: Sequence[Route], configuration: Configuration) -> Iterator[Finding]:
    """Only what is the same twice: with other options (another text, another table) it may well be meant."""
    index = RouteIndex([route.when for route in routes])
    for position, route in enumerate(routes):
        for i in _candidates(route.when, index):
            other = routes[i]
            if i == position or (i > position and implies(other.when, route.when)):
                continue  # both take the same: it is told once, of the later one
            if route.otherwise or routes[min(i, position)].stop:
                continue  # an event takes only one of them
            shared = _shared_targets(route, other)
            if shared and taker(other).whole and implies(route.when, other.when):
                yield Finding(
                    place_of(configuration.places, (route.id, "to"), route.where),
                    "delivered-twice",
                    f"every event of route `{route.id}` goes to {' and '.join(shared)} twice: `{other.id}` "
                    f"({other.where}) takes it there, too, in the same way",
                    f"take {' and '.join(shared)} out of one of them, or give them other options in `with`",
                )
                break


def _shared_targets(one: Route, other: Route) -> list[str]:
    options = {target.destination: target.options for target in other.to}
    return [
        target.destination
        for target in one.to
        if target.destination in options and options[target.destination] == target.options
    ]
