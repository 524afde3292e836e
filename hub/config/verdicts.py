"""What each route says to one event, and why. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hub.config.model import Configuration, Route
from hub.rules import Mismatch, explain


class Answer(StrEnum):
    MATCHES = "matches"
    MISMATCH = "mismatch"  # a condition of `when` fails
    DISABLED = "disabled"  # `enabled: false`


@dataclass(frozen=True, slots=True)
class Verdict:
    """``mismatch`` is the first condition that failed and what was there instead, where one did."""

    route: Route
    answer: Answer
    mismatch: Mismatch | None = None

    @property
    def matches(self) -> bool:
        return self.answer is Answer.MATCHES

    @property
    def why(self) -> str:
        """Why not, in words; nothing for a route that matches."""
        match self.answer:
            case Answer.MATCHES:
                return ""
            case Answer.DISABLED:
                return "is not enabled"
            case Answer.MISMATCH:
                return str(self.mismatch)


def verdicts(configuration: Configuration, document: Mapping[str, Any]) -> Iterator[Verdict]:
    """One for every route, in the order of the file. Never raises."""
    for route in configuration.routes:
        yield _verdict(route, document)


def _verdict(route: Route, document: Mapping[str, Any]) -> Verdict:
    if not route.enabled:
        return Verdict(route, Answer.DISABLED)
    mismatch = None if route.when is None else explain(route.when, document)
    return Verdict(route, Answer.MATCHES) if mismatch is None else Verdict(route, Answer.MISMATCH, mismatch)
