"""Routes that got a new id: their deliveries have new ids, too, and are known to nobody."""

from collections.abc import Iterator

from hub.config.model import Configuration, Finding, Route
from hub.config.places import place_of


def renamed_routes(before: Configuration, now: Configuration) -> Iterator[Finding]:
    """Routes whose id is new, and that match and deliver what a route did whose id is gone."""
    kept = {route.id for route in now.routes}
    kept |= {route.was for route in now.routes if route.was is not None}
    gone = [route for route in before.routes if route.id not in kept]
    known = {route.id for route in before.routes}
    for route in now.routes:
        if route.was is not None:
            continue  # its deliveries keep that name
        old = next((each for each in gone if route.id not in known and _does_the_same(each, route)), None)
        if old is None:
            continue
        gone.remove(old)
        yield Finding(
            place_of(now.places, (route.id, "id"), route.where),
            "renamed-route",
            f"route `{old.id}` is called `{route.id}` now, which gives its deliveries new ids: a replay delivers again "
            "what was delivered under the old ones",
            f"write `was: {old.id}` beside it, or keep the id",
        )


def _does_the_same(old: Route, new: Route) -> bool:
    asked = (old.when, old.unless) == (new.when, new.unless)
    return asked and [each.destination for each in old.to] == [each.destination for each in new.to]
