"""Names of sources, routes and destinations, and the references to them."""

import re
from collections.abc import Collection, Iterable

from hub.config.nodes import Node
from hub.config.problems import Problems, did_you_mean
from schemas.names import NAME_PATTERN

ALLOWED = "lower-case letters, digits and hyphens, a letter or digit first, 63 characters at most"


def check_name(kind: str, name: str, node: Node, problems: Problems) -> None:
    """A name becomes part of topics, URLs and metrics, so its alphabet is small."""
    if not re.fullmatch(NAME_PATTERN, name):
        problems.add(node.where, f"{name!r} cannot name a {kind}; use {ALLOWED}")


def check_known(what: str, names: Iterable[Node], known: Collection[str], problems: Problems) -> None:
    """Every name must be one that is defined."""
    for node in names:
        if isinstance(node.value, str) and not node.unset and node.value not in known:
            hint = did_you_mean(node.value, known) or f"; there is {', '.join(known) or 'none'}"
            problems.add(node.where, f"there is no {what} `{node.value}`{hint}")
