"""What each route says to one event, and why. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hub.config.deciding import Rules, in_sample
from hub.config.model import Configuration, Route
from hub.rules import Mismatch, explain


class Answer(StrEnum):
    MATCHES = "matches"  # the event takes it
    MISMATCH = "mismatch"  # a condition of `when` fails
    DISABLED = "disabled"  # `enabled: false`
    UNLESS = "unless"  # its `unless` matches
    SAMPLE = "sample"  # the event is not in its sample
    STOPPED = "stopped"  # a route before it has `stop`
    OTHERWISE = "otherwise"  # it is for what no other route takes


@dataclass(frozen=True, slots=True)
class Verdict:
    """``mismatch`` is the first condition that failed and what was there instead, where one did; ``by`` the route that
    took the event instead of this one, where one did.
    """

    route: Route
    answer: Answer
    mismatch: Mismatch | None = None
    by: Route | None = None

    @property
    def matches(self) -> bool:
        return self.answer is Answer.MATCHES

    @property
    def why(self) -> str:
        """Why not, in words; nothing for a route that matches."""
        return str(self.mismatch) if self.mismatch is not None else self.reason

    @property
    def reason(self) -> str:
        """The same without any value, of the event or the configuration: a variable may have put it there."""
        by = self.by.id if self.by else ""
        at = self.mismatch.path if self.mismatch else ""
        return {
            Answer.MATCHES: "",
            Answer.MISMATCH: f"does not match: see `{at}`",
            Answer.DISABLED: "is not enabled",
            Answer.UNLESS: "its `unless` matches",
            Answer.SAMPLE: "the event is not in its `sample`",
            Answer.STOPPED: f"`{by}` before it takes the event, and has `stop`",
            Answer.OTHERWISE: f"has `otherwise`, and `{by}` takes the event",
        }[self.answer]


def verdicts(
    configuration: Configuration, document: Mapping[str, Any], rules: Rules | None = None
) -> Iterator[Verdict]:
    """One for every route, in the order of the file. ``rules`` are the configuration's, if compiled before."""
    taken = (rules or Rules(configuration)).routes(document)
    ids = {route.id for route in taken}
    for route in configuration.routes:
        if route.id in ids:
            yield Verdict(route, Answer.MATCHES)
        else:
            yield _against(route, document) or _instead(route, taken)


def _against(route: Route, document: Mapping[str, Any]) -> Verdict | None:
    """What the route itself says against the event."""
    if not route.enabled:
        return Verdict(route, Answer.DISABLED)
    mismatch = None if route.when is None else explain(route.when, document)
    if mismatch is not None:
        return Verdict(route, Answer.MISMATCH, mismatch)
    if route.unless is not None and route.unless.matches(document):
        return Verdict(route, Answer.UNLESS)
    return None if in_sample(route, document) else Verdict(route, Answer.SAMPLE)


def _instead(route: Route, taken: list[Route]) -> Verdict:
    """Nothing: others took the event."""
    if route.otherwise and not taken[0].otherwise:
        return Verdict(route, Answer.OTHERWISE, by=taken[0])
    return Verdict(route, Answer.STOPPED, by=taken[-1])
