"""A test made of an event, as the lines to add to ``hub.yaml``. What stands there already stays byte for byte."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from hub.config.composing import UnreadableError, parse

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""Words that some reader of YAML takes for something else than text."""
_DOLLARS = re.compile(r"\$(?=[${])")
_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u2030-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_INDENT = "  "


class RecordingError(Exception):
    """The test cannot be added to this file; the message says why, and what would help."""


def with_test(text: str, test: Mapping[str, Any]) -> tuple[str, int]:
    """The text of a configuration file with one more test at the end of ``tests:``, and the line it begins on.

    Raises:
        RecordingError: ``tests`` is written in brackets, or the event is more than a ``hub.yaml`` can hold.
        UnreadableError: it was no YAML to begin with.
    """
    before = parse(text, "")
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").split("\n")
    number, column = _place(text, lines)
    item = [" " * column + line for line in _item(test)]
    if column and "tests" not in before.items():
        item = ["tests:", *item]
    made = newline.join((*lines[:number], *item, *lines[number:]))
    _check(before.plain(), made, test)
    return made, number + 1 + (item[0] == "tests:")


def _place(text: str, lines: Sequence[str]) -> tuple[int, int]:
    """Before which line (counted from 0) and in which column a list item is added."""
    root = YAML(pure=True).compose(text)
    assert isinstance(root, MappingNode)
    keys: Sequence[tuple[Node, Node]] = root.value
    found = next((position for position, (key, _) in enumerate(keys) if key.value == "tests"), None)
    if found is None:
        return _without_blanks(lines, len(lines)), len(_INDENT)
    key, tests = keys[found]
    end = keys[found + 1][0].start_mark.line if found + 1 < len(keys) else len(lines)
    if not isinstance(tests, SequenceNode):  # `tests:` and nothing yet
        return key.start_mark.line + 1, len(_INDENT)
    if tests.flow_style:
        raise RecordingError("`tests` is written in brackets; write its entries in lines that begin with `- `")
    column = tests.start_mark.column
    return _without_blanks(lines, end, column), column


def _without_blanks(lines: Sequence[str], end: int, column: int = 0) -> int:
    """The end without blank lines, and without comments that stand no further right: they belong to what follows."""
    while end and (not lines[end - 1].strip() or _is_comment_before(lines[end - 1], column)):
        end -= 1
    return end


def _is_comment_before(line: str, column: int) -> bool:
    inner = line.lstrip(" ")
    return inner.startswith("#") and len(line) - len(inner) <= column


def _check(before: Any, made: str, test: Mapping[str, Any]) -> None:
    try:
        after = parse(made.replace("\r\n", "\n"), "").plain()
    except UnreadableError as error:
        raise RecordingError(f"with this test in it the file could not be read: {error}") from None
    if after != {**before, "tests": [*(before.get("tests") or ()), _escaped(test)]}:
        raise RecordingError("this file is written in a way that a test cannot be added to; write it by hand")


def _item(test: Mapping[str, Any]) -> Iterator[str]:
    for number, line in enumerate(_block(_escaped(test))):
        yield f"{'- ' if number == 0 else _INDENT}{line}"


def _block(value: Mapping[str, Any]) -> Iterator[str]:
    for key, member in value.items():
        yield from _entry(f"{_scalar(key)}:", member)


def _entry(lead: str, value: Any) -> Iterator[str]:
    """``lead`` is the key, or the dash of a list."""
    short = _flow(value)
    if not isinstance(value, dict | list) or not value or (len(short) < 60 and not _is_nested(value)):
        yield f"{lead} {short}"
        return
    yield lead
    inner = _block(value) if isinstance(value, dict) else (line for each in value for line in _entry("-", each))
    yield from (f"{_INDENT}{line}" for line in inner)


def _is_nested(value: Any) -> bool:
    members = value.values() if isinstance(value, dict) else value
    return any(isinstance(each, dict | list) for each in members)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_scalar(key)}: {_flow(member)}' for key, member in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """A JSON scalar as YAML: a text without quotes where it needs none, else as in JSON, which YAML includes."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # the shortest form of a large one is another number
    return _UNPRINTABLE.sub(_escape, json.dumps(value, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _escaped(value: Any) -> Any:
    """Text of an event is never a variable: ``${HOME}`` is written ``$${HOME}``."""
    if isinstance(value, Mapping):
        return {key: _escaped(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(member) for member in value]
    return _DOLLARS.sub("$$", value) if isinstance(value, str) else value
