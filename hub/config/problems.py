"""What is wrong with a configuration: everything at once, each with its place, never with a secret."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from hub.config.model import Where

_SHORT = 4
_TELLING = 12


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: where it is, and what is wrong, expected and perhaps meant."""

    where: Where
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class ConfigurationError(Exception):
    """The configuration cannot be used. ``str`` is one ``hub.yaml:LINE: …`` per line, sorted; no secret is in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Problems:
    """Collects problems while a configuration is read. What ``mask`` was told never gets into a message."""

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._masked: dict[str, str] = {}

    def add(self, where: Where, message: str) -> None:
        self._found.append(Problem(where, message))

    def mask(self, value: str, shown: str) -> None:
        """Write ``shown`` wherever a message would say ``value`` (a secret, or what a variable stands for)."""
        if value and value != shown:
            self._masked[value] = shown

    def empty(self) -> "Problems":
        """No problems, and the same secrets to keep."""
        other = Problems()
        other._masked = dict(self._masked)
        return other

    def masks(self, value: str) -> bool:
        return value in self._masked

    def raise_any(self) -> None:
        """Raise ConfigurationError if there is any problem."""
        if self._found:
            raise ConfigurationError(Problem(each.where, self._without_secrets(each.message)) for each in self._found)

    def _without_secrets(self, message: str) -> str:
        for value, shown in sorted(self._masked.items(), key=lambda item: -len(item[0])):
            if len(value) >= _SHORT:
                message = message.replace(value, shown)
            else:  # a digit or two are everywhere: only where it is quoted as a value
                message = message.replace(f"'{value}'", f"'{shown}'").replace(f'"{value}"', f'"{shown}"')
        for value, shown in self._masked.items():
            if _repeats_a_part(message, value):
                name = message.partition(": ")[0] if message.startswith("`") else "a value"
                return f"{name}: not accepted; the reason repeats a part of {shown}, so it is not shown"
        return message


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean x?``, or nothing where nothing is close."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def _repeats_a_part(message: str, value: str) -> bool:
    # A validator may quote a piece of what it was given: the host and password of a URL, the end of a token.
    telling = re.sub(r"^[a-z][a-z0-9+.-]*://", "", value)
    return any(telling[at : at + _TELLING] in message for at in range(len(telling) - _TELLING + 1))
