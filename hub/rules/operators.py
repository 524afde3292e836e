"""The operators of ``when``: what each means, and how its operand is read. The README's table is made of this one."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from hub.rules.conditions import (
    AnythingBut,
    EqualsIgnoreCase,
    NoneOf,
    Operator,
    Prefix,
    Present,
    Range,
    Suffix,
    folded,
    identity,
)
from hub.rules.errors import InvalidPatternError, PathPart
from hub.rules.networks import Network
from hub.rules.wildcards import InvalidWildcardError, Wildcard

Path = tuple[PathPart, ...]
_Text = Prefix | Suffix | EqualsIgnoreCase | Wildcard


@dataclass(frozen=True, slots=True)
class Definition:
    """One row of the language: what is written as an entry of a list, and values that it accepts and refuses."""

    name: str
    meaning: str
    entry: Any
    accepted: tuple[Any, ...]
    refused: tuple[Any, ...]


def operator(written: Mapping[Any, Any], here: Path) -> Operator | None:
    """The operator of ``{name: operand}``; None for ``exists: false``, which no value fulfils.

    Raises:
        InvalidPatternError
    """
    name, operand, place = _only(written, here)
    if name == "exists":
        if not isinstance(operand, bool):
            raise InvalidPatternError(place, f"expected true or false{got(operand)}")
        return Present() if operand else None
    if name not in _OPERATORS:
        raise InvalidPatternError(place, f"`{name}` is no operator; {did_you_mean(name, NAMES)}")
    return _OPERATORS[name](operand, place)


def literal(value: Any, here: Path) -> str | float | bool | None:
    """A string, number, boolean or null, freed of the subclasses that YAML loaders make."""
    match value:
        case None | bool():
            return value
        case str():
            return str(value)
        case int():
            return int(value)
        case float() if math.isfinite(value):
            return float(value)
        case list() | tuple():
            raise InvalidPatternError(here, "a list inside the list; write its values directly")
        case _:
            raise InvalidPatternError(
                here, f"expected text, a number, true, false or null{got(value)}; quote it if text is meant"
            )


def _only(written: Mapping[Any, Any], here: Path) -> tuple[str, Any, Path]:
    if len(written) != 1:
        raise InvalidPatternError(
            here, f"exactly one operator per entry, got {len(written)}; write them as separate entries"
        )
    name, operand = next(iter(written.items()))
    return str(name), operand, (*here, str(name))


# -- texts


def _prefix(operand: Any, here: Path) -> Prefix:
    text, ignore_case = _text_or_ignoring_case(operand, here)
    return Prefix(text, ignore_case)


def _suffix(operand: Any, here: Path) -> Suffix:
    text, ignore_case = _text_or_ignoring_case(operand, here)
    return Suffix(text, ignore_case)


def _text_or_ignoring_case(operand: Any, here: Path) -> tuple[str, bool]:
    if not isinstance(operand, Mapping):
        return _text(operand, here), False
    name, text, place = _only(operand, here)
    if name != "equals-ignore-case":
        raise InvalidPatternError(place, f"expected text, or equals-ignore-case and text{got(name)}")
    return folded(_text(text, place)), True


def _equals_ignore_case(operand: Any, here: Path) -> EqualsIgnoreCase:
    return EqualsIgnoreCase(folded(_text(operand, here)))


def _wildcard(operand: Any, here: Path) -> Wildcard:
    try:
        return Wildcard.parse(_text(operand, here))
    except InvalidWildcardError as error:
        raise InvalidPatternError(here, str(error)) from None


def _cidr(operand: Any, here: Path) -> Network:
    try:
        return Network.parse(_text(operand, here))
    except ValueError:
        raise InvalidPatternError(here, f"expected a network, like 10.0.0.0/8 or 2001:db8::/32{got(operand)}") from None


def _text(operand: Any, here: Path) -> str:
    if not isinstance(operand, str):
        raise InvalidPatternError(here, f"expected text{got(operand)}")
    return str(operand)


# -- anything but


_EXCLUDED: Mapping[str, Callable[[Any, Path], _Text]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
}


def _anything_but(operand: Any, here: Path) -> Operator:
    if isinstance(operand, Mapping):
        name, inner, place = _only(operand, here)
        if name not in _EXCLUDED:
            raise InvalidPatternError(
                place, f"`{name}` cannot stand in anything-but; {did_you_mean(name, tuple(_EXCLUDED))}, or values"
            )
        return NoneOf(tuple(_EXCLUDED[name](each, at) for each, at in _one_or_more(inner, place)))
    excluded = [literal(each, at) for each, at in _one_or_more(operand, here)]
    texts = sum(isinstance(value, str) for value in excluded)
    numbers = sum(isinstance(value, int | float) and not isinstance(value, bool) for value in excluded)
    if len(excluded) not in (texts, numbers):
        raise InvalidPatternError(here, "expected only text or only numbers")
    return AnythingBut(frozenset(identity(value) for value in excluded))


def _one_or_more(operand: Any, here: Path) -> Iterable[tuple[Any, Path]]:
    if not isinstance(operand, list | tuple):
        return [(operand, here)]
    if not operand:
        raise InvalidPatternError(here, "an empty list excludes nothing; write `exists: true`")
    return [(each, (*here, position)) for position, each in enumerate(operand)]


# -- numbers


_NUMERIC_FORM = 'write ["=", 5], [">", 0] or [">", 0, "<=", 100]'


def _numeric(operand: Any, here: Path) -> Range:
    if not isinstance(operand, list | tuple) or len(operand) not in (2, 4):
        raise InvalidPatternError(here, f"expected comparisons and numbers; {_NUMERIC_FORM}")
    bounds = [_number(number, (*here, 2 * i + 1)) for i, number in enumerate(operand[1::2])]
    match tuple(operand[0::2]):
        case ("=",):
            return Range(low=bounds[0], high=bounds[0])
        case (">" | ">=" as lower,):
            return Range(low=bounds[0], low_open=lower == ">")
        case ("<" | "<=" as upper,):
            return Range(high=bounds[0], high_open=upper == "<")
        case (">" | ">=" as lower, "<" | "<=" as upper):
            if bounds[0] >= bounds[1]:
                raise InvalidPatternError(
                    here, f"nothing lies between {bounds[0]} and {bounds[1]}; the smaller comes first"
                )
            return Range(bounds[0], bounds[1], lower == ">", upper == "<")
        case _:
            raise InvalidPatternError(here, f"expected =, or > or >= and then < or <=; {_NUMERIC_FORM}")


def _number(value: Any, here: Path) -> float:
    number = literal(value, here)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise InvalidPatternError(here, f"expected a number{got(value)}")
    return number


_OPERATORS: Mapping[str, Callable[[Any, Path], Operator]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
}
NAMES = (*_OPERATORS, "exists")

LANGUAGE: tuple[Definition, ...] = (
    Definition("text", "exactly this text, case included", "high", ("high", ["low", "high"]), ("High", "highest")),
    Definition(
        "number", "this number, however it is written; whole numbers of any size exactly", 1, (1, 1.0), ("1", True)
    ),
    Definition("`true`, `false`, `null`", "exactly this", None, (None,), ("", "null", 0)),
    Definition("`prefix`", "text that begins so", {"prefix": "eu-"}, ("eu-west-1",), ("EU-west-1", "us-1", 5)),
    Definition("`suffix`", "text that ends so", {"suffix": ".png"}, ("a.png",), ("a.PNG", "png")),
    Definition("`equals-ignore-case`", "this text in any case", {"equals-ignore-case": "Ok"}, ("OK", "ok"), ("okay",)),
    Definition(
        "`prefix`, `suffix` with `equals-ignore-case`",
        "the same in any case",
        {"suffix": {"equals-ignore-case": ".png"}},
        ("a.PNG", "a.png"),
        ("a.jpg",),
    ),
    Definition(
        "`wildcard`",
        r"`*` is any text, also none; `\*` is a star and `\\` a backslash",
        {"wildcard": "*/jobs/*.json"},
        ("eu/jobs/7.json", "/jobs/.json"),
        ("jobs/7.json", "/jobs/7.JSON"),
    ),
    Definition(
        "`anything-but`",
        "a value that is there and is none of these: one, or a list of texts or of numbers",
        {"anything-but": ["low", "test"]},
        ("high", 5, None, ["low", "high"]),
        ("low", []),
    ),
    Definition(
        "`anything-but` with `prefix`, `suffix`, `equals-ignore-case` or `wildcard`",
        "a value that is there and is not like that: one text, or a list",
        {"anything-but": {"prefix": ["test-", "dev-"]}},
        ("production", 5),
        ("test-1", "dev-2"),
    ),
    Definition(
        "`numeric`",
        "a number with `=`, `<`, `<=`, `>`, `>=` of another, or between two",
        {"numeric": [">", 0, "<=", 5]},
        (5, 0.1),
        (0, 6, "3"),
    ),
    Definition(
        "`cidr`",
        "text that is an address in this network, IPv4 or IPv6",
        {"cidr": "10.0.0.0/24"},
        ("10.0.0.255", "::ffff:10.0.0.1"),
        ("10.0.1.0", "10.0.0"),
    ),
    Definition(
        "`exists: true`",
        "there is a value: a text, number, boolean or null",
        {"exists": True},
        ("", None, 0),
        ([], {"inner": 1}),
    ),
    Definition(
        "`exists: false`", "there is none; an object is no value", {"exists": False}, ([], {"inner": 1}), ("", None)
    ),
)


def did_you_mean(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"expected one of {', '.join(known)}"


def got(value: Any) -> str:
    return f", got {shown(value)}"


def shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)
