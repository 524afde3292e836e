"""YAML text → nodes that know the line they were written on.

YAML 1.2 in its core schema: ``no``, ``on`` and ``2026-01-22`` are text, ``1.10`` is a number. Tags are refused,
aliases are bounded, and a key stands once in a mapping.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from hub.config.model import Where
from hub.config.nodes import Node, Scalar
from schemas.exact_json import number

MAX_BYTES = 1_000_000
MAX_NODES = 100_000
MAX_DEPTH = 50
_CHARACTERS = 1000
"""Of a text, for which it counts as one more value."""


class UnreadableError(Exception):
    """The text is not the YAML the hub reads; ``line`` is where, or 0."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def parse(text: str, file: str) -> Node:
    """Read one YAML document.

    Raises:
        UnreadableError: not YAML, or YAML the hub refuses.
    """
    if len(text) > MAX_BYTES:
        raise UnreadableError(0, f"larger than {MAX_BYTES // 1000} kB; split it into a folder of several *.yaml")
    try:
        return _Composer(file, YAML(typ="safe", pure=True).parse(text)).document()
    except MarkedYAMLError as error:
        raise _syntax_error(text, error) from None
    except YAMLError:
        raise UnreadableError(0, "has characters in it that no text has; is it a YAML file?") from None


def _syntax_error(text: str, error: MarkedYAMLError) -> UnreadableError:
    mark = error.problem_mark or error.context_mark
    line = mark.line if mark else 0
    source = text.splitlines()[line : line + 1]
    rest = source[0][mark.column :] if source and mark else ""
    hint = ""
    if rest.startswith("\t"):
        hint = "; YAML is indented with spaces, not tabs"
    elif rest.startswith(":"):
        hint = "; a text with `: ` in it must be in quotes, and a list or mapping in [] or {} must be closed"
    elif rest[:1] in {"@", "`", "%"}:
        hint = f"; a text that begins with {rest[0]} must be in quotes"
    begun = error.context_mark
    since = f" ({error.context} that begins in line {begun.line + 1})" if begun and begun.line != line else ""
    return UnreadableError(line + 1, f"not valid YAML: {error.problem or error.context}{since}{hint}")


class _Composer:
    """Builds nodes from the parser's events. An alias shares its anchor's node and counts with its full size."""

    def __init__(self, file: str, events: Iterator[Event]) -> None:
        self._file = file
        self._events = events
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, StreamStartEvent | StreamEndEvent | DocumentStartEvent | DocumentEndEvent):
                continue
            if root is not None:
                raise UnreadableError(_line(event), "a second document begins here (---); expected one per file")
            root = self._node(event, depth=0)
        if root is None:
            raise UnreadableError(0, "is empty; expected at least `version: 1`, see `hub init`")
        return root

    def _node(self, event: Event, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise UnreadableError(_line(event), f"nested more than {MAX_DEPTH} deep")
        if isinstance(event, AliasEvent):
            return self._alias(event)
        assert isinstance(event, NodeEvent)
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise UnreadableError(_line(event), "tags are refused; a text that begins with ! must be in quotes")
        where = Where(self._file, _line(event))
        if isinstance(event, ScalarEvent):
            # A long text counts as several: an alias is cheap, but what variables in it come to is made for each.
            node = Node(where, _scalar(event), written=event.value, size=1 + len(event.value) // _CHARACTERS)
        elif isinstance(event, SequenceStartEvent):
            node = self._sequence(where, depth)
        else:
            assert isinstance(event, MappingStartEvent)
            node = self._mapping(where, depth)
        if node.depth > MAX_DEPTH:
            raise UnreadableError(where.line, f"nested more than {MAX_DEPTH} deep, aliases included")
        if node.size > MAX_NODES:
            raise UnreadableError(where.line, f"more than {MAX_NODES} values, aliases counted in full; refused")
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: AliasEvent) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise UnreadableError(
                _line(event), "this alias has no anchor before it; a text that begins with * must be in quotes"
            )
        return replace(node, where=Where(self._file, _line(event)))

    def _sequence(self, where: Where, depth: int) -> Node:
        nodes = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            nodes.append(self._node(event, depth + 1))
        return Node.collection(where, tuple(nodes))

    def _mapping(self, where: Where, depth: int) -> Node:
        members: dict[str, Node] = {}
        inherited: dict[str, Node] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            key, plain = self._key(event)
            node = replace(self._node(next(self._events), depth + 1), where=Where(self._file, _line(event)))
            if key == "<<" and plain:
                inherited = _merged(node)
            elif key in members:
                raise UnreadableError(
                    _line(event), f"`{key}` stands here twice, first in line {members[key].where.line}; keep one"
                )
            else:
                members[key] = node
        return Node.collection(where, {**inherited, **members})

    def _key(self, event: Event) -> tuple[str, bool]:
        """The key, and whether it stands there without quotes."""
        if isinstance(event, MappingStartEvent):
            raise UnreadableError(
                _line(event), 'a mapping stands where a key is expected; put a template in quotes: "{{ subject }}"'
            )
        if not isinstance(event, ScalarEvent) or event.tag is not None:
            raise UnreadableError(_line(event), "a key must be plain text")
        if not isinstance(_scalar(event), str):
            raise UnreadableError(_line(event), f"the key {event.value} is not text; put it in quotes: '{event.value}'")
        text = event.value
        assert isinstance(text, str)
        return text, event.style is None


def _merged(node: Node) -> dict[str, Node]:
    sources = node.elements() or (node,)
    merged: dict[str, Node] = {}
    for source in sources:
        if not isinstance(source.value, Mapping):
            raise UnreadableError(source.where.line, "`<<` merges mappings: write `<<: *anchor`")
        merged = {**source.value, **merged}
    return merged


_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,400}")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def _scalar(event: ScalarEvent) -> Scalar:
    """The core schema of YAML 1.2 (section 10.3.2); whatever is quoted is text."""
    text = event.value
    assert isinstance(text, str)
    value: Scalar = text
    if event.style is not None:
        pass
    elif _NULL.fullmatch(text):
        value = None
    elif _BOOL.fullmatch(text):
        value = text.lower() == "true"
    elif _INT.fullmatch(text):
        value = int(text)
    elif _OCTAL_OR_HEX.fullmatch(text):
        value = int(text, 0)
    elif _FLOAT.fullmatch(text):
        # Also of a number with an exponent: 1e23 is a whole number, in the file as in an event.
        value = number(re.sub(r"\.(?=inf|Inf|INF|nan|NaN|NAN)", "", text))
    return value


def _line(event: Event) -> int:
    line = event.start_mark.line
    assert isinstance(line, int)
    return line + 1
