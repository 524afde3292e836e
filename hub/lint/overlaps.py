"""Routes that take each other's events: another leaves them nothing, or both deliver to one place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hub.config.model import Configuration, Finding, Route
from hub.config.places import place_of
from hub.rules import Pattern, RouteIndex
from hub.rules.comparing import are_disjoint, examples, implies


@dataclass(frozen=True, slots=True)
class Taker:
    """What a route takes, as far as patterns say; see `hub.config.deciding`. ``sampled``: only a share of it."""

    when: Pattern | None
    unless: Pattern | None = None
    stop: bool = False
    otherwise: bool = False
    sampled: bool = False

    @classmethod
    def of(cls, route: Route) -> "Taker":
        return cls(route.when, route.unless, route.stop, route.otherwise, route.sample is not None)

    def matches_all_of(self, other: "Taker") -> bool:
        """Whether it matches every event that the other one matches."""
        if self.sampled or not implies(other.when, self.when):
            return False
        return (
            self.unless is None
            or are_disjoint(other.when, self.unless)
            or (other.unless is not None and implies(self.unless, other.unless))
        )

    def is_asked_before(self, other: "Taker", *, is_above: bool) -> bool:
        """Whether, if it matches an event, the other one does not get it."""
        if self.otherwise == other.otherwise:
            return self.stop and is_above
        return other.otherwise


def shadowed(takers: Sequence[Taker]) -> dict[int, int]:
    """Position of each route that gets nothing → position of the first one that takes everything it could."""
    if not any(taker.stop or taker.otherwise for taker in takers):
        return {}
    index = RouteIndex([taker.when for taker in takers])
    found: dict[int, int] = {}
    for position, taker in enumerate(takers):
        for i in _candidates(taker.when, index):
            if takers[i].is_asked_before(taker, is_above=i < position) and takers[i].matches_all_of(taker):
                found[position] = i
                break
    return found


def _candidates(pattern: Pattern | None, index: RouteIndex) -> list[int]:
    """The patterns of the index that may be implied by this one, ascending; most are ruled out by an example."""
    return sorted({i for document in examples(pattern) for i in index.match(document)})


def overlap_findings(configuration: Configuration) -> Iterator[Finding]:
    """Shadowed routes, and events that are delivered to a destination twice."""
    routes = [route for route in configuration.routes if route.enabled]
    hidden = shadowed([Taker.of(route) for route in routes])
    for position, by in hidden.items():
        yield _shadowed(routes[position], routes[by], configuration)
    yield from _twice([route for i, route in enumerate(routes) if i not in hidden], configuration)


def _shadowed(route: Route, other: Route, configuration: Configuration) -> Finding:
    is_rest = route.otherwise and not other.otherwise
    why, key = ("it is for the rest (`otherwise`)", "otherwise") if is_rest else ("has `stop`", "when")
    fix = "narrow the other one" if is_rest else f"move it before `{other.id}`"
    return Finding(
        place_of(configuration.places, (route.id, key), route.where),
        "shadowed",
        f"route `{route.id}` gets nothing: `{other.id}` ({other.where}) takes everything it could, and {why}",
        f"{fix}, or take it out",
    )


def _twice(routes: Sequence[Route], configuration: Configuration) -> Iterator[Finding]:
    """Only what is the same twice: with other options (another text, another table) it may well be meant."""
    takers = [Taker.of(route) for route in routes]
    index = RouteIndex([route.when for route in routes])
    for position, route in enumerate(routes):
        for i in _candidates(route.when, index):
            if i == position or not _both_get_it(i, position, takers):
                continue
            if i > position and takers[position].matches_all_of(takers[i]):
                continue  # both take the same: it is told once, of the later one
            shared = _shared_targets(route, routes[i])
            if shared and takers[i].matches_all_of(takers[position]):
                yield _delivered_twice(route, routes[i], " and ".join(shared), configuration)
                break


def _both_get_it(one: int, other: int, takers: Sequence[Taker]) -> bool:
    """Whether no route that ends the search stands in between, the upper one of the two included."""
    between = takers[min(one, other) : max(one, other)]
    same = takers[one].otherwise == takers[other].otherwise
    return same and not any(each.stop and each.otherwise == takers[one].otherwise for each in between)


def _delivered_twice(route: Route, other: Route, shared: str, configuration: Configuration) -> Finding:
    return Finding(
        place_of(configuration.places, (route.id, "to"), route.where),
        "delivered-twice",
        f"every event of route `{route.id}` goes to {shared} twice: `{other.id}` ({other.where}) takes it there, too, "
        "in the same way",
        f"take {shared} out of one of them, or give them other options in `with`",
    )


def _shared_targets(one: Route, other: Route) -> list[str]:
    if one.transform != other.transform:
        return []
    options = {target.destination: target.options for target in other.to}
    return [
        target.destination
        for target in one.to
        if target.destination in options and options[target.destination] == target.options
    ]
