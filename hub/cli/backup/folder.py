"""A data folder ⇄ one file: a tar archive, compressed by zstd, that ends with the sum of every file in it."""

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import zstandard

from hub.log.embedded.jars import KAFKA_VERSION

MANIFEST = "hub-backup.json"
_FORMAT = 1
_CHUNK = 1_000_000

LEFT_OUT = ("logs", "run", "outcomes", "hub.pid", "kafka/broker.json", "kafka/hub.lock", "kafka/kafka.lock")
"""What is made anew: logs, signs of life, indexes of what is in Kafka, and locks."""


class BackupError(Exception):
    """The file is no backup, not whole, or of another version. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. ``sums``: path in the folder → SHA-256. ``cluster``: the embedded Kafka's id."""

    made: str
    hub: str
    kafka: str
    cluster: str | None
    sums: dict[str, str]


def write_backup(home: Path, target: Path, cluster: str | None) -> Manifest:
    """Write ``home`` into ``target``, whole or not at all. Nobody may be writing there meanwhile. Raises OSError."""
    beside = target.with_name(f".{target.name}.part")
    sums: dict[str, str] = {}
    try:
        with beside.open("xb") as file, _compressed(file) as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
            for path in _files(home):
                name = path.relative_to(home).as_posix()
                tar.add(path, arcname=name, recursive=False)
                if path.is_file():
                    sums[name] = _sum(path)
            manifest = Manifest(
                datetime.now(UTC).isoformat(timespec="seconds"), version("event-hub"), KAFKA_VERSION, cluster, sums
            )
            _add_manifest(tar, manifest)
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return manifest


def read_backup(source: Path, home: Path) -> Manifest:
    """Make ``home``, which must not exist, out of a backup; whole or not at all.

    Raises:
        BackupError, OSError
    """
    beside = home.with_name(f"{home.name}.restoring")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        manifest = _unpack(source, beside)
        found = {path.relative_to(beside).as_posix(): _sum(path) for path in _files(beside) if path.is_file()}
        if found != manifest.sums:
            wrong = sorted(name for name in {*found, *manifest.sums} if found.get(name) != manifest.sums.get(name))
            raise BackupError(
                f"{source} is damaged: {', '.join(wrong[:3])} is not what was backed up; take another one"
            )
        beside.replace(home)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return manifest


def _unpack(source: Path, folder: Path) -> Manifest:
    folder.mkdir(parents=True)
    try:
        with (
            source.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as stream,
            tarfile.open(fileobj=stream, mode="r|") as tar,
        ):
            tar.extractall(folder, filter="data")  # nothing outside the folder, no devices, no links out of it
        manifest = _decode((folder / MANIFEST).read_bytes())
        (folder / MANIFEST).unlink()
    except _UNREADABLE as error:
        if not source.exists():
            raise
        raise BackupError(f"{source} is no backup of a hub, or not whole ({error}); take another one") from error
    return manifest


_UNREADABLE = (
    tarfile.TarError,
    zstandard.ZstdError,
    EOFError,
    FileNotFoundError,  # the manifest, which comes last
    KeyError,
    TypeError,
    ValueError,
)


def _decode(data: bytes) -> Manifest:
    found: dict[str, Any] = json.loads(data)
    if found.pop("format") != _FORMAT:
        raise ValueError("a newer hub made it: install that one")
    return Manifest(**found)


def _add_manifest(tar: tarfile.TarFile, manifest: Manifest) -> None:
    told = {name: getattr(manifest, name) for name in Manifest.__slots__}
    data = json.dumps({"format": _FORMAT, **told}, indent=1).encode()
    entry = tarfile.TarInfo(MANIFEST)
    entry.size = len(data)
    entry.mode = 0o600
    tar.addfile(entry, io.BytesIO(data))


def _files(home: Path) -> Iterator[Path]:
    """Folders and files, each folder before what is in it."""
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home).as_posix()
        if not any(name == each or name.startswith(f"{each}/") for each in LEFT_OUT) and name != MANIFEST:
            yield path


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _compressed(file: Any) -> Any:
    return zstandard.ZstdCompressor(level=3, write_checksum=True).stream_writer(file, closefd=False)
