"""The secrets that ``hub … register`` and ``rotate`` keep: one file each, ``HUB_HOME/secrets/<source>/*.json``."""

import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from hub.config.file_secrets import MAX_BYTES, Unreadable

FOLDER = "secrets"


class KeptSecretError(Exception):
    """A file is not what it should be, or cannot be read or written. The message names it, and no secret."""


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    registration: str
    secret: str
    created: datetime
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeptSecret:
    """``registration`` is what it signs for; ``expires`` when it can be deleted (None: nobody said)."""

    registration: str
    secret: SecretStr
    created: datetime
    expires: datetime | None = None
    path: Path = field(default=Path(), compare=False)

    def valid(self, now: datetime) -> bool:
        return self.expires is None or now < self.expires


class KeptSecrets:
    """Those of one source. A file is there whole or not at all, whenever the process is killed; two processes may keep
    secrets at the same time.

    Every method raises KeptSecretError.
    """

    def __init__(self, home: Path, source: str) -> None:
        self.folder = home / FOLDER / source

    def all(self) -> list[KeptSecret]:
        """The oldest first, those that have expired included."""
        try:
            paths = sorted(path for path in self.folder.glob("*.json") if not path.name.startswith("."))
            found = [_read(path) for path in paths]
        except OSError as error:
            raise KeptSecretError(f"{self.folder} cannot be read: {error.strerror}") from error
        return sorted((each for each in found if each is not None), key=lambda each: each.created)

    def keep(self, registration: str, secret: SecretStr, created: datetime) -> KeptSecret:
        """When this returns, it is on the disk."""
        name = f"{created:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.json"
        kept = KeptSecret(registration, secret, created, path=self.folder / name)
        self._write(kept)
        return kept

    def expire(self, kept: Sequence[KeptSecret], at: datetime) -> None:
        """Let secrets count until then; one that ends earlier stays so."""
        for each in kept:
            if each.expires is None or at < each.expires:
                self._write(KeptSecret(each.registration, each.secret, each.created, at, each.path))

    def forget(self, kept: Sequence[KeptSecret]) -> None:
        try:
            for each in kept:
                each.path.unlink(missing_ok=True)
        except OSError as error:
            raise KeptSecretError(f"{error.filename} cannot be deleted: {error.strerror}") from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """For the length of the block no other process of this machine is in one: two that register at once would
        make two webhooks. Raises KeptSecretError where another is.
        """
        self._make_folder()
        with (self.folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise KeptSecretError(f"another command is at work on {self.folder}; wait until it has ended") from None
            yield

    def _make_folder(self) -> None:
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise KeptSecretError(f"{self.folder} cannot be made: {error.strerror}") from error

    def _write(self, kept: KeptSecret) -> None:
        self._make_folder()
        written = _Written(
            registration=kept.registration,
            secret=kept.secret.get_secret_value(),
            created=kept.created,
            expires=kept.expires,
        )
        temporary = kept.path.with_name(f".{kept.path.name}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(orjson.dumps(written.model_dump(mode="json")))
                stream.flush()
                os.fsync(stream.fileno())
            temporary.rename(kept.path)
            for folder in (self.folder, self.folder.parent, self.folder.parent.parent):  # their entries, too
                _sync(folder)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise KeptSecretError(f"{kept.path} cannot be written: {error.strerror}") from error


def read_kept(folder: Path, now: datetime) -> str | Unreadable:
    """The valid secrets of a folder as text: a JSON list, of none where there is no folder."""
    try:
        found = KeptSecrets(folder.parent.parent, folder.name).all()
    except KeptSecretError as error:
        return Unreadable(f"cannot be used: {error}")
    return orjson.dumps([each.secret.get_secret_value() for each in found if each.valid(now)]).decode()


def _read(path: Path) -> KeptSecret | None:
    """None where it is gone meanwhile."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        written = _Written.model_validate_json(data)
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise KeptSecretError(f"{path} is not a secret as the hub keeps it; delete it, and rotate") from error
    return KeptSecret(written.registration, SecretStr(written.secret), written.created, written.expires, path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
