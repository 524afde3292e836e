"""The contents of files that secrets are in, and how an entry's options are made of them, then and again later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

ConfigT_co = TypeVar("ConfigT_co", covariant=True)

MAX_BYTES = 65_536

Contents = Mapping[Path, str]
"""What stands in each file, without the line ends behind it."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file holds no secret. The text begins with a verb and names neither the file nor what is in it."""

    reason: str


def read_secret(path: Path) -> str | Unreadable:
    """The text of a file, without the line ends behind it."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return Unreadable(f"cannot be read: {error.strerror}")
    except ValueError:  # a NUL character
        return Unreadable("cannot be read: no file has such a name")
    if len(data) > MAX_BYTES:
        return Unreadable(f"is larger than {MAX_BYTES // 1024} kB")
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        return Unreadable("is not UTF-8 text")


@dataclass(frozen=True, slots=True)
class FileSecrets(Generic[ConfigT_co]):
    """Of one source or destination. ``contents`` are what its options were made of when the configuration was read;
    ``options`` makes them of other contents of the same files, and raises ConfigurationError where that cannot be.
    ``read`` reads one of them.
    """

    contents: Contents = field(repr=False)
    options: Callable[[Contents], ConfigT_co] = field(repr=False)
    read: Callable[[Path], str | Unreadable] = field(default=read_secret, repr=False)
