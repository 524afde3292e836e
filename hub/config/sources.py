"""``sources:`` → SourceEntry."""

from connectors.api import Registrar
from connectors.registry import ConnectorError, Kind
from hub.config.default_variables import with_default_variables
from hub.config.kept_options import kept_options
from hub.config.model import SourceEntry
from hub.config.names import check_name
from hub.config.nodes import Node
from hub.config.reading import Reading, digest, without
from schemas.news import HUB_SOURCE


def read_sources(node: Node, reading: Reading) -> dict[str, SourceEntry]:
    """Every entry that is right; what is wrong with the others is in the problems."""
    entries = (_read_source(name, entry, reading) for name, entry in node.items().items())
    return {entry.name: entry for entry in entries if entry is not None}


def _read_source(name: str, node: Node, reading: Reading) -> SourceEntry | None:
    check_name("source", name, node, reading.problems)
    if name == HUB_SOURCE:
        reading.problems.add(
            node.where,
            f"`{HUB_SOURCE}` is where the hub's own news come from, and needs no entry; give this source another name",
        )
    type_name = reading.type_of(Kind.SOURCE, node)
    if type_name is None:
        return None
    try:
        connector = reading.registry.source(type_name.value)
    except ConnectorError as error:
        reading.problems.add(type_name.node.where, str(error))
        return None
    options = with_default_variables(connector.config_model, without(node, "type"), reading)
    if issubclass(connector, Registrar) and "secrets" not in options.items():
        found = kept_options(name, connector.config_model, options, reading)
    else:
        found = reading.options(connector.config_model, options)
    if found.made is None:
        return None
    return SourceEntry(name, connector, found.made, node.where, found.file_secrets, digest(node))
