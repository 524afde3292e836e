"""``${VAR}`` in the configuration: from the environment, or from ``.env`` beside it. The environment wins.

Variables are put in after YAML is parsed, into single values: what a variable holds cannot add keys or lines.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dotenv.parser import parse_stream

from hub.config.model import Where
from hub.config.nodes import Node
from hub.config.problems import Problems, did_you_mean

_MARK = re.compile(r"\$\$|\$\{(?P<inside>[^}]*)\}|(?P<open>\$\{)")
_VARIABLE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-.*)?", re.DOTALL)


def read_dotenv(path: Path, problems: Problems) -> dict[str, str]:
    """The variables of a ``.env`` file; none where there is no file. A line that is no assignment is a problem."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        problems.add(Where(str(path), 0), f"cannot be read: {_reason(error)}")
        return {}
    for binding in bindings:
        if binding.error:
            problems.add(Where(str(path), binding.original.line), "expected NAME=value, or # and a comment")
    return {each.key: each.value for each in bindings if each.key is not None and each.value is not None}


class Variables:
    """Puts variables into nodes. ``values`` None leaves those without a default unset: nothing is looked up anywhere;
    with ``may_lack``, those that have no value.
    """

    def __init__(
        self, values: Mapping[str, str] | None, env_file: Path, problems: Problems, *, may_lack: bool = False
    ) -> None:
        self._values = values
        self._may_lack = may_lack or values is None
        self._env_file = env_file
        self._problems = problems

    def expand(self, node: Node) -> Node:
        """The same node with every ``${…}`` in its texts replaced; a mistake is added to the problems."""
        if isinstance(node.value, Mapping):
            return replace(node, value={key: self.expand(member) for key, member in node.value.items()})
        if isinstance(node.value, tuple):
            return replace(node, value=tuple(self.expand(element) for element in node.value))
        if not isinstance(node.value, str) or "$" not in node.value:
            return node
        return self._expand_text(node, node.value)

    def _expand_text(self, node: Node, text: str) -> Node:
        found = [self._value(match, node.where) for match in _MARK.finditer(text)]
        if None in found:
            return replace(node, unset=True)
        values = iter(found)
        value = _MARK.sub(lambda _: next(values) or "", text)
        if any(match["inside"] for match in _MARK.finditer(text)):
            self._problems.mask(value, text)
        return replace(node, value=value)

    def _value(self, match: re.Match[str], where: Where) -> str | None:
        if match[0] == "$$":
            return "$"
        variable = None if match["open"] else _VARIABLE.fullmatch(match["inside"])
        if variable is None:
            self._problems.add(
                where, "a ${ that begins no variable; expected ${NAME} or ${NAME:-default}; a literal ${ is written $${"
            )
            return None
        return self._look_up(variable["name"], variable["default"], where)

    def _look_up(self, name: str, default: str | None, where: Where) -> str | None:
        value = None if self._values is None else self._values.get(name)
        if value is not None:
            self._problems.mask(value, f"${{{name}}}")
        if default is not None:
            return value or default.removeprefix(":-")
        if value is None and not self._may_lack:
            hint = did_you_mean(name, self._values or ())
            self._problems.add(
                where, f"${{{name}}} is not set{hint}; put `{name}=…` into {self._env_file} or into the environment"
            )
        return value


def _reason(error: Exception) -> str:
    return (error.strerror or "unreadable") if isinstance(error, OSError) else "it is not UTF-8 text"
