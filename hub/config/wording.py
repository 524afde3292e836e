"""Pydantic's errors in the words of ``hub.yaml``: what is wrong, what was expected, what was perhaps meant."""

from collections.abc import Callable, Iterable
from typing import Any

from pydantic_core import ErrorDetails

from hub.config.nodes import Node
from hub.config.problems import did_you_mean


def worded(error: ErrorDetails, node: Node, known: Iterable[str]) -> str:
    """One error as a sentence. ``node`` is what it is about; ``known`` are the keys allowed beside an unknown one."""
    name = f"`{_name(error)}`" if error["loc"] else "this entry"
    kind = error["type"]
    if kind == "extra_forbidden":
        known = sorted(known)
        hint = did_you_mean(str(error["loc"][-1]), known) or f"; expected one of {', '.join(known)}"
        return f"unknown key {name}{hint}"
    if kind == "missing":
        return f"{name} is missing"
    wording = _WORDINGS.get(kind)
    if wording is None:
        return f"{name}: {_first_lower(error['msg'])}"
    return f"{name}: {wording(error.get('ctx', {}), node)}"


def _name(error: ErrorDetails) -> str:
    """The innermost key of the error's path, with the list index behind it: ``secrets[0]``."""
    name = ""
    for step in error["loc"]:
        if isinstance(step, int):
            name += f"[{step}]"
        elif step.isidentifier() or not name:
            name = step
    return name


def _given(node: Node) -> str:
    if isinstance(node.value, tuple):
        return "a list"
    if node.items() or isinstance(node.value, dict):
        return "a mapping"
    if node.value is None:
        return "nothing"
    return repr(node.written)


def _text(_: dict[str, Any], node: Node) -> str:
    if isinstance(node.value, int | float):
        kind = "true or false" if isinstance(node.value, bool) else "a number"
        return f'expected text, but {node.written} is {kind}; put it in quotes: "{node.written}"'
    return f"expected text, not {_given(node)}"


def _list(_: dict[str, Any], node: Node) -> str:
    if node.value is None or isinstance(node.value, dict):
        return f"expected a list, not {_given(node)}"
    shown = f'"{node.written}"' if isinstance(node.value, str) else node.written
    return f"expected a list; write [{shown}]"


def _expected(what: str) -> Callable[[dict[str, Any], Node], str]:
    return lambda _, node: f"expected {what}, not {_given(node)}"


def _bound(what: str, limit: str) -> Callable[[dict[str, Any], Node], str]:
    return lambda ctx, node: f"must be {what} {ctx[limit]}, not {_given(node)}"


def _choice(ctx: dict[str, Any], node: Node) -> str:
    expected = str(ctx["expected"])
    choices = [choice.strip().strip("'") for choice in expected.replace(" or ", ", ").split(",")]
    return f"expected {expected}, not {_given(node)}{did_you_mean(node.written, choices)}"


def _too_short(ctx: dict[str, Any], node: Node) -> str:
    fewest = ctx["min_length"]
    empty = "; every one that is given is empty" if node.elements() else ""
    return f"needs at least {fewest} {'entry' if fewest == 1 else 'entries'}{empty}"


def _from_validator(ctx: dict[str, Any], _: Node) -> str:
    return str(ctx["error"])


_WORDINGS: dict[str, Callable[[dict[str, Any], Node], str]] = {
    "value_error": _from_validator,
    "assertion_error": _from_validator,
    "string_type": _text,
    "list_type": _list,
    "tuple_type": _list,
    "set_type": _list,
    "frozen_set_type": _list,
    "too_short": _too_short,
    "string_too_short": lambda ctx, node: f"must have at least {ctx['min_length']} characters, not {_given(node)}",
    "string_too_long": lambda ctx, node: f"must have at most {ctx['max_length']} characters, not {len(node.written)}",
    "enum": _choice,
    "literal_error": _choice,
    "greater_than": _bound("greater than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than": _bound("less than", "lt"),
    "less_than_equal": _bound("at most", "le"),
} | {
    kind: _expected(what)
    for what, kinds in {
        "a whole number": ("int_type", "int_parsing", "int_from_float", "int_parsing_size"),
        "a number": ("float_type", "float_parsing", "finite_number"),
        "true or false": ("bool_type", "bool_parsing"),
        "a mapping (key: value)": (
            "dict_type",
            "mapping_type",
            "model_type",
            "model_attributes_type",
            "dataclass_type",
        ),
    }.items()
    for kind in kinds
}


def _first_lower(message: str) -> str:
    return message[:1].lower() + message[1:]
