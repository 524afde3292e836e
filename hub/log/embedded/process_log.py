"""What a process says, in files that stay bounded however long it runs, and its last words at hand."""

import threading
from collections import deque
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

LARGEST = 5_000_000
"""Bytes of one file."""

OLDER = 3
"""Files kept beside the one that is written: ``kafka.log.1`` is the youngest of them."""

_LONGEST_LINE = 64_000  # bytes; a longer one is written in pieces
_TOLD_LINES, _TOLD_WIDTH = 16, 2000


class ProcessLog:
    """Copies a pipe to a file, line by line, from its making to the end of the pipe.

    A pipe and not the file itself, since nobody can take a file away from a process that writes to it. The process is
    never held up by the file: what cannot be written (a full disk) is dropped.
    """

    def __init__(self, pipe: BinaryIO, file: Path) -> None:
        self._pipe = pipe
        self._file = file
        with suppress(OSError):
            file.touch()  # so that whoever is told its name finds it
        self._told: deque[str] = deque(maxlen=_TOLD_LINES)
        self._thread = threading.Thread(target=self._copy, name=f"copy to {file.name}", daemon=True)
        self._thread.start()

    def last_lines(self) -> str:
        """The last lines, without the frames of stack traces, for the message that says what happened."""
        return "\n".join(f"  | {line}" for line in self._told.copy())

    def finish(self, timeout: float) -> None:
        """To be called when the process has ended: wait for what it wrote last, at most ``timeout`` seconds, since a
        child of it may still have the pipe.
        """
        self._thread.join(timeout)

    def _copy(self) -> None:
        with self._pipe:
            while line := self._pipe.readline(_LONGEST_LINE):
                if line.strip(b"# \t\r\n") and not line.startswith(b"\tat "):
                    self._told.append(line.decode(errors="replace").rstrip()[:_TOLD_WIDTH])
                with suppress(OSError):
                    self._write(line)

    def _write(self, line: bytes) -> None:
        """Opened anew each time, so that the file may be removed or moved away by anybody."""
        with self._file.open("ab", buffering=0) as file:
            if file.tell() + len(line) <= LARGEST:
                file.write(line)
                return
        self._shift()
        with self._file.open("ab", buffering=0) as file:
            file.write(line)

    def _shift(self) -> None:
        names = [self._file, *(self._file.with_name(f"{self._file.name}.{age}") for age in range(1, OLDER + 1))]
        for newer, older in reversed(list(pairwise(names))):
            with suppress(FileNotFoundError):
                newer.replace(older)
