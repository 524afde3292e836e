"""How far a replay is, in a file that survives anything: `hub replay --resume` goes on from it."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from hub.delivery.runs import replay_run
from schemas.identity import Run

_FORMAT = 1
_ID = re.compile(r"[0-9a-f]{12}")


class UnknownReplayError(Exception):
    """There is no replay of that id here, or its file cannot be read. The message says what to do."""


@dataclass(frozen=True, slots=True)
class ArchivePosition:
    """How far an archive is done: its objects before ``key``, and so many events of that one. ``archive`` is what was
    typed: a destination's name, or a URL.
    """

    archive: str
    key: str = ""
    number: int = 0
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay: what it is of, and how far it is: the offsets of ``hub.events`` that are still to be looked at, by
    partition; or, where its events come from an archive, the position there.

    Of events received in [since, until), by the route's pattern and ``where`` (a pattern as it was written, or None),
    to ``destinations``. ``revision`` is that of the ``hub.yaml`` it began with. Everything before ``left``, or before
    the position, is written and acknowledged; ``written`` counts these deliveries.
    """

    id: str
    hub: str
    route: str
    destinations: tuple[str, ...]
    where: Any
    since: datetime
    until: datetime
    revision: str
    began: datetime
    spans: Mapping[int, range]
    left: Mapping[int, range]
    written: int = 0
    archive: ArchivePosition | None = None

    @property
    def run(self) -> Run:
        return replay_run(self.id)

    @property
    def finished(self) -> bool:
        return not any(self.left.values()) if self.archive is None else self.archive.finished


def new_id() -> str:
    return secrets.token_hex(6)


class ReplayFiles:
    """The replays of one ``HUB_HOME``."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "replays"

    def path(self, replay_id: str) -> Path:
        return self._folder / f"{replay_id}.json"

    def save(self, replay: Replay) -> None:
        """Atomic, and on disk when it returns. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self.path(replay.id)
        beside = path.with_suffix(".tmp")
        with beside.open("wb") as file:
            file.write(_encode(replay))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)

    def load(self, replay_id: str) -> Replay:
        """Raises UnknownReplayError."""
        path = self.path(replay_id)
        if not _ID.fullmatch(replay_id) or not path.exists():
            known = ", ".join(sorted(found.stem for found in self._folder.glob("*.json"))) or "none"
            raise UnknownReplayError(f"there is no replay {replay_id!r} in {self._folder}, only {known}")
        try:
            return _decode(path.read_bytes())
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnknownReplayError(
                f"{path} cannot be read ({error!r}); begin a new replay: it may deliver again what this one delivered"
            ) from error


def _encode(replay: Replay) -> bytes:
    found = {field.name: getattr(replay, field.name) for field in fields(replay)}
    for name in ("spans", "left"):
        found[name] = {str(partition): [span.start, span.stop] for partition, span in found[name].items()}
    if replay.archive is None:
        del found["archive"]
    return orjson.dumps({"format": _FORMAT, **found}, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2)


def _decode(data: bytes) -> Replay:
    found = orjson.loads(data)
    if found.pop("format") != _FORMAT:
        raise ValueError("it was written by another version of the hub")
    for name in ("spans", "left"):
        found[name] = {int(partition): range(*bounds) for partition, bounds in found[name].items()}
    for name in ("since", "until", "began"):
        found[name] = datetime.fromisoformat(found[name]).astimezone(UTC)
    found["destinations"] = tuple(found["destinations"])
    if "archive" in found:
        found["archive"] = ArchivePosition(**found["archive"])
    return Replay(**found)
