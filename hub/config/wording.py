"""Pydantic's errors in the words of ``hub.yaml``: what is wrong, what was expected, what was perhaps meant."""

from collections.abc import Callable, Iterable
from typing import Any

from pydantic_core import ErrorDetails

from hub.config.names import ALLOWED
from hub.config.nodes import Node
from hub.config.problems import did_you_mean
from schemas.names import NAME_PATTERN


def worded(error: ErrorDetails, name: str, node: Node) -> str:
    """One error as a sentence. ``name`` is the path people wrote, ``node`` what is there."""
    wording = _WORDINGS.get(error["type"])
    said = wording(error.get("ctx", {}), node) if wording else _first_lower(error["msg"])
    return f"`{name}`: {said}" if name else said


def unknown_key(name: str, known: Iterable[str]) -> str:
    """``known`` are the keys that are allowed in its place."""
    known = sorted(known)
    expected = f"; expected one of {', '.join(known)}" if known else "; nothing can be set here"
    return f"unknown key `{name}`{did_you_mean(name.rpartition('.')[2], known) or expected}"


def _given(node: Node) -> str:
    if isinstance(node.value, tuple):
        return "a list"
    if node.items() or isinstance(node.value, dict):
        return "a mapping"
    return repr(node.written)


def _text(_: dict[str, Any], node: Node) -> str:
    if isinstance(node.value, int | float):
        kind = "true or false" if isinstance(node.value, bool) else "a number"
        return f'expected text, but {node.written} is {kind}; put it in quotes: "{node.written}"'
    return f"expected text, {_but(node)}"


def _but(node: Node) -> str:
    return "but there is nothing" if node.value is None else f"not {_given(node)}"


def _list(_: dict[str, Any], node: Node) -> str:
    if node.value is None or isinstance(node.value, dict):
        return f"expected a list, {_but(node)}"
    shown = f'"{node.written}"' if isinstance(node.value, str) else node.written
    return f"expected a list; write [{shown}]"


def _expected(what: str) -> Callable[[dict[str, Any], Node], str]:
    return lambda _, node: f"expected {what}, {_but(node)}"


def _bound(what: str, limit: str) -> Callable[[dict[str, Any], Node], str]:
    return lambda ctx, node: f"must be {what} {ctx[limit]}, not {_given(node)}"


def _choice(ctx: dict[str, Any], node: Node) -> str:
    expected = str(ctx["expected"])
    choices = [choice.strip().strip("'") for choice in expected.replace(" or ", ", ").split(",")]
    if isinstance(node.value, str) and node.value in choices:
        return f"expected {expected}, a number; leave the quotes out"
    return f"expected {expected}, {_but(node)}{did_you_mean(node.written, choices)}"


def _form(ctx: dict[str, Any], node: Node) -> str:
    if NAME_PATTERN in ctx["pattern"]:
        return f"{_given(node)} is no name; use {ALLOWED}"
    return f"{_given(node)} does not have the form {ctx['pattern']}"


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
    "string_pattern_mismatch": _form,
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
