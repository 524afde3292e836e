"""A folder of files that one process owns, with a state that is replaced as a whole and vouches for the files.

Each owner has a folder of its own under one parent. A process that was stopped (SIGSTOP, a suspended laptop) and
wakes up after another took over goes on writing into its own folder, which nobody will read, and nobody waits for it.
"""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

_STATE = "state.json"
_LOCK = "lock"
_FORMAT = 2


class Snapshot:
    """Owned until ``close``. ``state`` is what the last owner stored, None if there is nothing that can be used."""

    def __init__(self, folder: Path, lock: int, state: dict[str, Any] | None) -> None:
        self.folder = folder
        self.state = state
        self._lock = lock

    @classmethod
    def claim(cls, parent: Path) -> "Snapshot":
        """Take over the folder with the highest ``position``; where its owner lives, a copy of it. Never waits."""
        parent.mkdir(parents=True, exist_ok=True)
        candidates = sorted(_candidates(parent), key=lambda found: -int(found[1]["position"]))
        for folder, _ in candidates:
            lock = _try_lock(folder)
            state = _read(folder)  # only now: its owner may just have ended
            if lock is not None and state is not None:
                mine = cls(folder, lock, state)
                break
            if lock is not None:
                os.close(lock)
            if state is not None and (copy := _copy(parent, folder, state)):
                mine = copy
                break
        else:
            mine = _create(parent, None)
        _remove_others(parent, mine.folder)
        return mine

    def store(self, state: dict[str, Any]) -> None:
        """Replace the state. Everything it vouches for must be on disk already."""
        unfinished = self.folder / f"{_STATE}.part"
        with unfinished.open("wb") as file:
            file.write(orjson.dumps({"format": _FORMAT, **state}))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.folder / _STATE)

    def clear(self) -> None:
        """Delete everything in it."""
        self.state = None
        for path in self.folder.iterdir():
            if path.name != _LOCK:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self._lock)


def _candidates(parent: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for folder in parent.iterdir():
        if (state := _read(folder)) is not None:
            yield folder, state


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        state = orjson.loads((folder / _STATE).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    usable = isinstance(state, dict) and state.get("format") == _FORMAT and isinstance(state.get("position"), int)
    return state if usable else None


def _create(parent: Path, state: dict[str, Any] | None) -> Snapshot:
    while True:
        folder = parent / uuid.uuid4().hex
        folder.mkdir()
        lock = _try_lock(folder)
        if lock is not None:  # else another claimant has just removed it as nobody's
            return Snapshot(folder, lock, state)


def _remove_others(parent: Path, mine: Path) -> None:
    for folder in parent.iterdir():
        lock = None if folder == mine else _try_lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _copy(parent: Path, source: Path, state: dict[str, Any]) -> Snapshot | None:
    """Copy what the state vouches for; it was read first, so the files hold at least that."""
    mine = _create(parent, state)
    try:
        for path in source.iterdir():
            if path.name != _LOCK and not path.name.startswith(_STATE):
                shutil.copyfile(path, mine.folder / path.name)
    except OSError:  # its owner deletes what it has forgotten
        shutil.rmtree(mine.folder, ignore_errors=True)
        mine.close()
        return None
    return mine


def _try_lock(folder: Path) -> int | None:
    """Hold the folder until the descriptor is closed or the process dies; None where somebody else does."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:  # it is being removed
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    with suppress(OSError):
        if os.fstat(lock).st_nlink > 0:
            return lock
    os.close(lock)  # removed between open and lock
    return None
