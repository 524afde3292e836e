"""Looks at the files of one entry's secrets again and again, and says when its options are others by that.

By their contents, every second: what Kubernetes does (another target of a symbolic link above the file), a rename and
writing in place all look the same then, on every file system.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from hub.config.file_secrets import Contents, FileSecrets, Unreadable
from hub.config.problems import ConfigurationError

_log = logging.getLogger(__name__)

EVERY = 1.0  # seconds

ConfigT = TypeVar("ConfigT")


@dataclass(frozen=True, slots=True)
class Change(Generic[ConfigT]):
    """An entry's options with the new secrets, and which files they came from."""

    config: ConfigT
    files: tuple[Path, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.files))


class SecretWatch(Generic[ConfigT]):
    """For one source or destination, which ``about`` names in log lines.

    Contents count when two looks in a row found the same: one alone may fall into the middle of a write. A file that is
    empty, gone or cannot be used leaves the secret it held in use, and the log says so once for each reason.
    """

    def __init__(
        self,
        secrets: FileSecrets[ConfigT],
        about: Mapping[str, str],
        read: Callable[[Path], str | Unreadable] | None = None,
    ) -> None:
        self._secrets = secrets
        self._about = about
        self._read = read or secrets.read
        self._used: Contents = secrets.contents
        self._seen: Mapping[Path, str | Unreadable] = secrets.contents
        self._said: tuple[str, ...] = ()

    async def changed(self) -> Change[ConfigT]:
        """Wait for the next change. Never raises."""
        while True:
            await asyncio.sleep(EVERY)
            change = await asyncio.to_thread(self.look)  # a file may be on a disk that hangs
            if change is not None:
                return change

    def look(self) -> Change[ConfigT] | None:
        """Read all the files once. One call at a time."""
        before, self._seen = self._seen, {path: self._read(path) for path in self._used}
        if self._seen != before:
            return None
        unusable = {path: reason for path, found in self._seen.items() if (reason := self._fault(path, found))}
        faults = [f"{path} {reason}" for path, reason in unusable.items()]
        usable = {path: found for path, found in self._seen.items() if path not in unusable and isinstance(found, str)}
        change = self._change({**self._used, **usable}, faults)
        self._complain(tuple(faults))
        return change

    def _fault(self, path: Path, found: str | Unreadable) -> str | None:
        if isinstance(found, Unreadable):
            return found.reason
        return "is empty" if self._used[path] and not found else None

    def _change(self, contents: Contents, faults: list[str]) -> Change[ConfigT] | None:
        files = tuple(path for path, text in contents.items() if text != self._used[path])
        if not files:
            return None
        try:
            change = Change(self._secrets.options(contents), files)
        except ConfigurationError as error:
            faults.append(str(error))
        except Exception as error:  # noqa: BLE001  (a plugin's model may raise anything, the secret in its message)
            faults.append(f"{', '.join(map(str, files))}: {type(error).__name__}")
        else:
            self._used = contents
            return change
        return None

    def _complain(self, faults: tuple[str, ...]) -> None:
        if faults and faults != self._said:
            extra = {**self._about, "error": "; ".join(faults)}
            _log.error("a secret's file cannot be used, the secret it held stays in use", extra=extra)
        self._said = faults
