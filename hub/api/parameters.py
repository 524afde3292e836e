"""What may stand in a URL's query: each endpoint declares its parameters, and anything else is an error."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any

from starlette.datastructures import QueryParams

from hub.api.answers import ApiError
from schemas.quantities import parse_duration, parse_moment


@dataclass(frozen=True, slots=True)
class Parameter:
    """``read`` turns the text into what the endpoint works with; ValueError says what would be right."""

    name: str
    meaning: str
    read: Callable[[str], Any] = str
    default: str | None = None
    several: bool = False


Given = Mapping[str, Any]
"""What `read` returns."""


def moment(text: str) -> datetime:
    return parse_moment(text, datetime.now(UTC))


def number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ValueError(f"{text!r} is no number from {least:,} to {most:,}")
        return int(text)

    return read


def seconds(most: timedelta) -> Callable[[str], float]:
    def read(text: str) -> float:
        found = parse_duration(text)
        if found > most:
            raise ValueError(f"{text!r} is longer than {most.total_seconds():g}s")
        return found.total_seconds()

    return read


SOURCE = Parameter("source", "of this source only; may be given several times", several=True)
TYPE = Parameter("type", "of this type only; `batch.*` are all that begin so; may be given several times", several=True)
SUBJECT = Parameter(
    "subject",
    "about this subject only, such as a job's id in any of its forms; may be given several times",
    several=True,
)
ENDPOINT = Parameter("endpoint", "received at this endpoint only; may be given several times", several=True)
SELECTION = (SOURCE, TYPE, SUBJECT, ENDPOINT)


def read(query: QueryParams, declared: Sequence[Parameter]) -> Given:
    """Name → value, or a list of them where several may be given; None where none is and there is no default.

    Raises:
        ApiError: 400
    """
    by_name = {one.name: one for one in declared}
    for name in query:
        if name not in by_name:
            close = get_close_matches(name, by_name, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(by_name) or 'none'}"
            raise ApiError(400, "unknown-parameter", f"there is no parameter {name[:50]!r}; {hint}")
    return {one.name: _value(one, query.getlist(one.name)) for one in declared}


def _value(parameter: Parameter, given: list[str]) -> Any:
    if len(given) > 1 and not parameter.several:
        raise ApiError(400, "bad-parameter", f"{parameter.name} is there {len(given)} times; give it once")
    texts = given or ([] if parameter.default is None else [parameter.default])
    try:
        values = [parameter.read(text) for text in texts]
    except ValueError as error:
        raise ApiError(400, "bad-parameter", f"{parameter.name}: {error}") from None
    return values if parameter.several else (values[0] if values else None)
