"""``unless`` that leaves nothing, or leaves nothing out."""

from collections.abc import Iterator

from hub.config.model import Configuration, Finding
from hub.config.places import place_of
from hub.rules.comparing import are_disjoint, implies


def exception_findings(configuration: Configuration) -> Iterator[Finding]:
    """Routes whose ``when`` and ``unless`` contradict each other, or have nothing to do with each other."""
    for route in configuration.routes:
        if route.unless is None:
            continue
        where = place_of(configuration.places, (route.id, "unless"), route.where)
        if implies(route.when, route.unless):
            yield Finding(
                where,
                "never-matches",
                f"route `{route.id}` gets nothing: `unless` takes away everything that `when` matches",
                "narrow `unless`, or take the route out",
            )
        elif are_disjoint(route.when, route.unless):
            yield Finding(
                where,
                "no-effect",
                f"the `unless` of route `{route.id}` takes nothing away: no event that `when` matches matches it",
                "take it out, or compare its values with those of `when`",
            )
