"""What the templates of a route come to for an event, as its destination would render them. Nothing is sent."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from connectors.api import Destination, Options, Renderable, Template
from hub.config.destinations import Configured
from hub.config.model import DestinationEntry, Route, Target
from hub.config.secret_fields import classes_in

Renderings = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Route → destination → the names of what it renders."""


def rendered(target: Target, entry: DestinationEntry, document: Mapping[str, Any]) -> dict[str, Any]:
    """Option → text, or the JSON value that it is the text of; of a route's options those that are templates, where the
    route gives none the destination's own.

    Raises:
        BadRecordError: a template cannot be rendered for this event; its delivery would be a dead letter.
    """
    found: dict[str, Any] = {}
    for name in _names(entry.connector.options_model):
        template = getattr(target.options, name) or getattr(entry.config, name, None)
        if isinstance(template, Template):
            found[name] = template.render(document, entry.connector.escape)
        elif isinstance(template, Renderable):
            found[name] = _plain(template.render(document))
    return found


def transformed(route: Route, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document as the route's destinations see it.

    Raises:
        BadRecordError: its `transform` cannot be applied to this event.
    """
    return document if route.transform is None else {**document, "data": route.transform.project(dict(document))}


def renderings(routes: Iterable[Route], configured: Mapping[str, Configured]) -> Renderings:
    """What there is to render."""
    connectors: dict[str, type[Destination[Any, Any]]] = {name: each.connector for name, each in configured.items()}
    return {
        route.id: {target.destination: _names(connectors[target.destination].options_model) for target in route.to}
        for route in routes
    }


def _names(model: type[Options]) -> tuple[str, ...]:
    return tuple(
        name
        for name, field in model.model_fields.items()
        if any(issubclass(each, Renderable) for each in classes_in(field.annotation))
    )


def _plain(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text if isinstance(text, str) else text.decode(errors="replace")
