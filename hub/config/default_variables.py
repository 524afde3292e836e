"""Options that are left out and have a variable of a well-known name: ``api_key`` is ``${GEMINI_API_KEY}``, if set."""

from dataclasses import replace

from pydantic import BaseModel

from connectors.api import DefaultVariable
from hub.config.nodes import Node
from hub.config.reading import Reading


def with_default_variables(model: type[BaseModel], node: Node, reading: Reading) -> Node:
    """The same entry with what the variables say."""
    added: dict[str, Node] = {}
    for name, field in model.model_fields.items():
        variable = next((each.name for each in field.metadata if isinstance(each, DefaultVariable)), None)
        value = (reading.variables or {}).get(variable) if variable else None
        if value and (field.alias or name) not in node.items():
            reading.problems.mask(value, f"${{{variable}}}")
            added[field.alias or name] = Node(node.where, value, written=f"${{{variable}}}")
    return replace(node, value={**node.items(), **added}) if added else node
