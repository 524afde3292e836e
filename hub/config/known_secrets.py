"""The shared secrets that senders may sign with now, by thumbprint, and how old those are that the hub keeps."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.api import Registrar
from connectors.context import utc_now
from hub.config.kept_secrets import KeptSecretError, KeptSecrets
from hub.config.model import Configuration, SourceEntry


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """``key`` is its thumbprint. ``since`` and ``until`` are known of what `hub … register` and ``rotate`` keep."""

    source: str
    key: str
    since: datetime | None = None
    until: datetime | None = None


def keeps_secrets(entry: SourceEntry, home: Path) -> bool:
    """Whether a source verifies with what is kept for it, since its entry has no ``secrets``."""
    files = entry.file_secrets
    return files is not None and KeptSecrets(home, entry.name).folder in files.contents


def known_secrets(configuration: Configuration, home: Path) -> tuple[KnownSecret, ...]:
    """Of every source, in the order of the file. Blocks: the kept ones are read anew; of a folder of them that cannot
    be read, none.
    """
    return tuple(known for entry in configuration.sources.values() for known in _of(entry, home))


def _of(entry: SourceEntry, home: Path) -> Iterator[KnownSecret]:
    if not issubclass(entry.connector, Registrar) or not keeps_secrets(entry, home):
        for key in entry.connector.thumbprints(entry.config):
            yield KnownSecret(entry.name, key)
        return
    try:
        found = KeptSecrets(home, entry.name).all()
    except KeptSecretError:  # `hub … list` says why
        return
    now = utc_now()
    for each in found:
        if each.valid(now):
            yield KnownSecret(entry.name, entry.connector.thumbprint(each.secret), each.created, each.expires)
