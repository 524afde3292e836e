"""Results under a key from (enrichment, event): the bytes as an object of their own, and a record that says which.

The record comes last, and only one can be made: of two workers that fetched at the same time, both read what the first
of them kept.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import orjson
from obstore import exceptions

from connectors.api import Enrichment, Result, RetryableError
from connectors.enrichment import JSON, JSONL
from hub.enrichment.store import FOREIGN, open_store, unreachable
from schemas.event import Event

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_RECORD = "kept.json"
_ENDINGS = {JSON: ".json", JSONL: ".jsonl"}
_LATER = timedelta(days=1)
"""How long bytes outlive their record, at least: none is ever there without them."""


@dataclass(frozen=True, slots=True)
class _Record:
    path: str
    content_type: str
    size: int
    sha256: str


def key_of(enrichment: str, event: Event) -> str:
    """Equal for each delivery of an event, in whatever run, and for nothing else: 128 bits."""
    named = orjson.dumps([enrichment, event.source, event.id, event.digest])
    return f"{event.source}/{hashlib.sha256(named).hexdigest()[:32]}"


class KeptResults:
    """``url`` of a folder or an object store, None for a folder of ``home``; results up to ``max_inline`` bytes are
    given with their bytes. Concurrent calls are fine, of several processes as well.

    Raises:
        DestinationDownError: from every method: the place cannot be used at the moment.
    """

    def __init__(self, url: str | None, home: Path, max_inline: int) -> None:
        self._url = url
        self._home = home
        self._max_inline = max_inline
        self._opened: tuple[ObjectStore, str] | None = None

    async def find(self, key: str) -> Result | None:
        """What is kept; None where nothing is, or not all of it."""
        try:
            found = await self._get(f"{key}/{_RECORD}")
            record = None if found is None else _Record(**orjson.loads(found))
            if record is None:
                return None
            if record.size > self._max_inline:
                return self._result(record, None) if await self._is_whole(record) else None
            body = await self._get(record.path)
        except FOREIGN as error:
            raise unreachable(error) from None
        return None if body is None or not _is(record, body) else self._result(record, body)

    async def keep(self, key: str, fetched: Enrichment) -> Result:
        """Keep it, unless another worker was faster: then what that one kept."""
        body = fetched.body
        sha256 = hashlib.sha256(body).hexdigest()
        path = f"{key}/{sha256}{_ENDINGS.get(fetched.content_type, '')}"
        record = _Record(path, fetched.content_type, len(body), sha256)
        written = orjson.dumps({name: getattr(record, name) for name in _Record.__slots__})
        try:
            # Some stores that speak S3 ignore `If-None-Match`: looking before makes an overtaking unlikely there.
            if earlier := await self.find(key):
                return earlier
            await obstore.put_async(self._store, path, body)
            try:
                await obstore.put_async(self._store, f"{key}/{_RECORD}", written, mode="create")
            except exceptions.AlreadyExistsError:
                if earlier := await self.find(key):
                    return earlier
                await obstore.put_async(self._store, f"{key}/{_RECORD}", written)  # of that one the bytes are gone
        except FOREIGN as error:
            raise unreachable(error) from None
        return self._result(record, body)

    async def prune(self, before: datetime) -> int:
        """Delete what was kept before then; how many results that were."""
        pruned = 0
        try:
            async for page in obstore.list(self._store):
                records = [each["path"] for each in page if each["path"].endswith(f"/{_RECORD}")]
                old = {each["path"] for each in page if each["last_modified"] < before}
                older = {each["path"] for each in page if each["last_modified"] < before - _LATER}
                doomed = [path for path in records if path in old] + sorted(older.difference(records))
                for path in doomed:
                    with suppress(FileNotFoundError):  # another worker did
                        await obstore.delete_async(self._store, path)
                pruned += len(old.intersection(records))
        except FOREIGN as error:
            raise unreachable(error) from None
        return pruned

    @property
    def _store(self) -> "ObjectStore":
        if self._opened is None:
            self._opened = open_store(self._url, self._home)
        return self._opened[0]

    def _result(self, record: _Record, body: bytes | None) -> Result:
        inline = body if record.size <= self._max_inline else None
        store = self._store
        assert self._opened is not None
        uri = f"{self._opened[1]}/{record.path}"
        load = partial(_load, store, record)
        return Result(record.content_type, record.size, record.sha256, uri, inline, load)

    async def _get(self, path: str) -> bytes | None:
        try:
            return await _read(self._store, path)
        except FileNotFoundError:
            return None

    async def _is_whole(self, record: _Record) -> bool:
        try:
            return (await obstore.head_async(self._store, record.path))["size"] == record.size
        except FileNotFoundError:
            return False


async def _load(store: "ObjectStore", record: _Record) -> bytes:
    try:
        body = await _read(store, record.path)
    except FOREIGN as error:
        raise unreachable(error) from None
    if not _is(record, body):
        raise RetryableError(f"{record.path} is not what was kept: its SHA-256 is another one")
    return body


async def _read(store: "ObjectStore", path: str) -> bytes:
    return bytes(await (await obstore.get_async(store, path)).bytes_async())


def _is(record: _Record, body: bytes) -> bool:
    return hashlib.sha256(body).hexdigest() == record.sha256
