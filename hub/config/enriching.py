"""Whether the ``enrich`` of a route can be done, as far as the configuration tells."""

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.api import CollectingDestination, Destination, Enricher, Source
from hub.config.nodes import Node
from hub.config.problems import Problems, did_you_mean


def check_enrich(
    route: Node,
    enrich: str,
    sources: Mapping[str, type[Source[Any]]],
    destinations: Mapping[str, type[Destination[Any, Any]]],
    problems: Problems,
) -> None:
    """Report what certainly cannot be done. ``sources`` are those that were read; the rest is found out by event."""
    node = route.at(["enrich"])
    known = {each.enrichment for each in sources.values() if issubclass(each, Enricher)}
    if enrich not in known:
        of_sources = f"they have {', '.join(sorted(known))}" if known else "none of them has any"
        hint = did_you_mean(enrich, known)
        problems.add(node.where, f"`enrich`: no source in `sources` has {enrich!r}; {of_sources}{hint}")
        return
    able = sorted(name for name, each in sources.items() if enrichment_of(each) == enrich)
    if "when" not in route.items():
        problems.add(
            node.where,
            f"`enrich`: events of every source come here, and not all have {enrich!r}; "
            f"write `when: {{source: [{', '.join(able)}]}}`",
        )
    for source in _named_sources(route):
        if source.value in sources and source.value not in able:
            problems.add(
                source.where,
                f"`enrich`: the source `{source.value}` has no {enrich!r}, only {', '.join(able)}; "
                "give it a route of its own",
            )
    for name, destination in destinations.items():
        if issubclass(destination, CollectingDestination):
            problems.add(
                node.where,
                f"`enrich`: `{name}` stores ranges of the log as they are, and takes no results; "
                "give it a route of its own",
            )


def enrichment_of(source: type[Source[Any]]) -> str | None:
    return source.enrichment if issubclass(source, Enricher) else None


def _named_sources(route: Node) -> Iterator[Node]:
    when = route.items().get("when")
    if when is not None and "source" in when.items():
        yield from (each for each in when.at(["source"]).elements() if isinstance(each.value, str) and not each.unset)
