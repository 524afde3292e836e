"""Server-sent events out of bytes, as the HTML Living Standard reads them (section 9.2.6). Pure."""

from dataclasses import dataclass

MOST_BUFFERED = 64_000_000
"""Bytes without an end of line that are kept: more than any event of a hub."""


@dataclass(frozen=True, slots=True)
class Message:
    """``id`` is the last that was said; ``data`` None: it only says how far we are."""

    id: str
    data: str | None


class StreamTooLongError(ValueError):
    """What comes are no server-sent events."""


class Parser:
    """Feed it what arrives, in pieces of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._id = ""
        self._changed = False
        self._data: list[str] = []

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now. Raises StreamTooLongError."""
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        if len(rest) > MOST_BUFFERED:
            raise StreamTooLongError(f"no line ends within {MOST_BUFFERED:,} bytes: it is no stream of a hub")
        self._buffer = bytearray(rest)
        return [message for line in lines if (message := self._line(line.rstrip(b"\r").decode())) is not None]

    def _line(self, line: str) -> Message | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id" and "\0" not in value:
            self._id, self._changed = value, True
        elif name == "data":
            self._data.append(value)
        return None

    def _dispatch(self) -> Message | None:
        if not self._data and not self._changed:
            return None
        message = Message(self._id, "\n".join(self._data) if self._data else None)
        self._data, self._changed = [], False
        return message
