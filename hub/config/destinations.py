"""``destinations:`` → DestinationEntry, and what routes build on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from connectors.api import CollectingDestination, ConfigModel, Destination
from connectors.registry import ConnectorError, Kind
from hub.config.model import DeliverySettings, DestinationEntry, Renamed
from hub.config.names import check_name
from hub.config.nodes import Node
from hub.config.problems import Problems
from hub.config.reading import Options, Reading, digest, only, without
from hub.config.secret_fields import file_of_option, refuse_files
from hub.config.validation import keys, validate

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Configured:
    """A destination whose type is known. ``entry`` is None where something else is wrong with it; routes to it can
    be checked all the same. ``options`` are its defaults for what a route sets by ``with``.
    """

    connector: type[Destination[Any, Any]]
    entry: DestinationEntry | None
    settings: DeliverySettings
    options: Mapping[str, Node]


def read_destinations(node: Node, defaults: DeliverySettings, reading: Reading) -> dict[str, Configured]:
    """Every destination of a known type; what is wrong with the others is in the problems."""
    found = ((name, _read_destination(name, entry, defaults, reading)) for name, entry in node.items().items())
    configured = {name: one for name, one in found if one is not None}
    check_renamed(configured, node, reading.problems)
    return configured


def _read_destination(name: str, node: Node, defaults: DeliverySettings, reading: Reading) -> Configured | None:
    check_name("destination", name, node, reading.problems)
    type_name = reading.type_of(Kind.DESTINATION, node)
    if type_name is None:
        return None
    try:
        connector = reading.registry.destination(type_name.value)
    except ConnectorError as error:
        reading.problems.add(type_name.node.where, str(error))
        return None
    entry = without(node, "type", "was")
    options = _read_options(entry, connector, reading)
    settings = _read_settings(entry, connector, defaults, reading)
    config = _read_config(connector, entry, reading)
    validate(connector.options_model, options, reading.problems, optional=True)
    built = None
    if config.made is not None and settings is not None:
        builtin = reading.registry.is_builtin(Kind.DESTINATION, type_name.value)
        isolated = not builtin if settings.isolate is None else settings.isolate
        written = digest(node, repr(defaults))
        built = DestinationEntry(
            name,
            connector,
            config.made,
            settings,
            isolated,
            node.where,
            config.file_secrets,
            written,
            _read_was(name, node, reading),
            whole=config.whole and not node.has_unset,
        )
    return Configured(connector, built, settings or defaults, options.items())


def _read_was(name: str, node: Node, reading: Reading) -> str | None:
    renamed = validate(Renamed, only(node, keys(Renamed)), reading.problems)
    if renamed is not None and renamed.was == name:
        reading.problems.add(node.at(["was"]).where, f"`was` is the name it has now, {name}; leave it out")
    return renamed.was if renamed else None


def check_renamed(configured: Mapping[str, Configured], node: Node, problems: Problems) -> None:
    """Nothing is two things: a former name is nobody's name now, and one destination's only."""
    seen: dict[str, str] = {}
    for name, one in configured.items():
        was = one.entry.was if one.entry else None
        if was is None or was == name:
            continue
        where = node.at([name, "was"]).where
        if was in node.items():
            problems.add(where, f"`was`: there still is a destination {was}, so {name} is not what it became")
        elif was in seen:
            problems.add(where, f"`was`: {seen[was]} was {was} already; one destination takes over what waits")
        seen.setdefault(was, name)


_OF_COLLECTIONS = ("max_wait", "max_buffered")


def _read_settings(
    entry: Node, connector: type[Destination[Any, Any]], defaults: DeliverySettings, reading: Reading
) -> DeliverySettings | None:
    settings = validate(DeliverySettings, only(entry, keys(DeliverySettings)), reading.problems)
    if not issubclass(connector, CollectingDestination):
        written = entry.items()["batch"].items() if "batch" in entry.items() else {}
        for key in _OF_COLLECTIONS:
            if key in written:
                reading.problems.add(
                    written[key].where,
                    f"`batch.{key}` is for connectors that collect; {connector.name} takes what has come at once",
                )
    return None if settings is None else layered(defaults, settings)


def _read_options(entry: Node, connector: type[Destination[Any, Any]], reading: Reading) -> Node:
    """The defaults for what a route sets by ``with``. A secret of both is in the connector's own options, where its
    file is read.
    """
    model = connector.options_model
    own = keys(connector.config_model)
    options = only(entry, keys(model))
    in_files = {key for key, member in options.items().items() if file_of_option(key, model, member)}
    refuse_files(model, without(options, *own), reading.problems)
    return without(options, *in_files)


def _read_config(connector: type[Destination[Any, Any]], entry: Node, reading: Reading) -> Options[Any]:
    """The connector's own options: every key that belongs neither to the hub nor only to ``with``."""
    model = connector.config_model
    elsewhere = (keys(DeliverySettings) | keys(connector.options_model)) - keys(model)
    return reading.options(model, without(entry, *elsewhere), known=elsewhere | keys(Renamed))


def layered(base: ModelT, over: ModelT) -> ModelT:
    """``base`` with everything in its place that was written in ``over``, also inside nested models."""
    update: dict[str, Any] = {}
    for name in over.model_fields_set:
        below, above = getattr(base, name, None), getattr(over, name)
        nested = isinstance(above, ConfigModel) and type(below) is type(above)
        update[name] = layered(below, above) if nested else above
    return base.model_copy(update=update)
