"""Files: inputs that clients upload, results that jobs make. They are gone 48 hours later, as at Google."""

import base64
import hashlib
import secrets
import string

from connectors.sources.gemini.emulator.clock import Clock
from connectors.sources.gemini.emulator.errors import InvalidArgumentError, NotFoundError
from connectors.sources.gemini.emulator.records import StoredFile
from connectors.sources.gemini.emulator.store import Store

LIFETIME = 48 * 3600.0
"""Emulated seconds."""
MAX_FILE = 100_000_000
"""Bytes; emulator-specific, Google takes 2 GB."""
_ALPHABET = string.ascii_lowercase + string.digits


def new_id(length: int) -> str:
    """Small letters and digits, as Google's ids."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class Files:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add(
        self,
        content: bytes,
        mime_type: str,
        *,
        name: str | None = None,
        display_name: str = "",
        generated: bool = False,
    ) -> StoredFile:
        """Keep a file; raises InvalidArgumentError where the name is taken."""
        record = StoredFile(
            name=name or f"files/{new_id(12)}",
            display_name=display_name,
            mime_type=mime_type,
            size=len(content),
            sha256=base64.b64encode(hashlib.sha256(content).digest()).decode(),
            generated=generated,
            created_at=self._clock.wall(),
            expires=self._clock.now() + LIFETIME,
        )
        with self._store.transaction():
            if self._store.get(StoredFile, record.name):
                raise InvalidArgumentError(f"Requested entity already exists: {record.name}")
            self._store.put(record)
            self._store.write(record.name, content)
        return record

    def get(self, name: str) -> StoredFile:
        """Raises NotFoundError, also for one whose time is over."""
        record = self._store.get(StoredFile, name)
        if record is None or record.expires <= self._clock.now():
            raise NotFoundError(f"File {name} does not exist, or has expired.")
        return record

    def content(self, name: str) -> bytes:
        """Raises NotFoundError."""
        self.get(name)
        content = self._store.read(name)
        assert content is not None, "record and content are written together"
        return content

    def download(self, name: str) -> tuple[StoredFile, bytes]:
        """Raises NotFoundError, or InvalidArgumentError for an uploaded file, which Google does not give back."""
        record = self.get(name)
        if not record.generated:
            raise InvalidArgumentError(f"Only generated files can be downloaded; {name} was uploaded.")
        return record, self.content(name)

    def page(self, size: int, before: int | None) -> tuple[list[StoredFile], int | None]:
        return self._store.page(StoredFile, size, before=before)

    def delete(self, name: str) -> None:
        """Raises NotFoundError."""
        self._erase(self.get(name))

    def erase_expired(self) -> None:
        for record in self._store.due(StoredFile, self._clock.now()):
            self._erase(record)

    def _erase(self, record: StoredFile) -> None:
        with self._store.transaction():
            self._store.delete(record)
            self._store.erase(record.name)
