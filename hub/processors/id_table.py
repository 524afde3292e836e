"""A file that remembers which 128-bit ids were put in: a hash table of fixed size, read and written in place.

Not SQLite: in a ``WITHOUT ROWID`` table of as many ids an insertion takes six times as long and writes whole pages (600
to 4,000 bytes) for 16, and its tables for each stretch of time make up for what one look-up is quicker.
``tests/bench/outcome_index.py`` measures both.
"""

import os
from collections.abc import Iterable
from pathlib import Path

ID_BYTES = 16
_SLOTS = 8
_BUCKET = ID_BYTES * _SLOTS  # never across a page
_EMPTY = bytes(ID_BYTES)
_FILLED = 0.6  # beyond that, chains of full buckets get long


class IdTable:
    """Exact, never confuses two ids. One writer; the file is sparse and stays in the page cache, not in our memory.

    What was put in survives the death of the process at once, and a power failure after ``sync``.

    Args:
        buckets: how many; each holds 8 ids.
        must_exist: raise OSError or ValueError unless the file is there, of that size.
    """

    def __init__(self, path: Path, buckets: int, *, count: int = 0, must_exist: bool = False) -> None:
        self.path = path
        self.buckets = buckets
        self.count = count
        if must_exist and path.stat().st_size != buckets * _BUCKET:
            raise ValueError(f"{path} is not a table of {buckets} buckets")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, buckets * _BUCKET)

    @property
    def full(self) -> bool:
        return self.count >= self.buckets * _SLOTS * _FILLED

    def __contains__(self, identity: bytes) -> bool:
        bucket = self._first_bucket(identity)
        for _ in range(self.buckets):
            content = os.pread(self._file, _BUCKET, bucket * _BUCKET)
            if _find(content, identity) >= 0:
                return True
            if content[-ID_BYTES:] == _EMPTY:
                return False
            bucket = (bucket + 1) % self.buckets
        return False

    def add(self, identities: Iterable[bytes]) -> None:
        """Put ids in; one that is in already changes nothing."""
        for identity in identities:
            bucket = self._first_bucket(identity)
            for _ in range(self.buckets):
                content = os.pread(self._file, _BUCKET, bucket * _BUCKET)
                if _find(content, identity) >= 0:
                    break
                free = _find(content, _EMPTY)
                if free >= 0:
                    os.pwrite(self._file, identity, bucket * _BUCKET + free)
                    self.count += 1
                    break
                bucket = (bucket + 1) % self.buckets

    def sync(self) -> None:
        """Return when everything put in would survive a power failure. Blocks; other threads run."""
        os.fdatasync(self._file)

    def close(self) -> None:
        os.close(self._file)

    def _first_bucket(self, identity: bytes) -> int:
        return int.from_bytes(identity[:8], "little") % self.buckets


def _find(bucket: bytes, identity: bytes) -> int:
    """Where a slot holds ``identity``; -1 if none does."""
    at = bucket.find(identity)
    while at % ID_BYTES and at >= 0:  # found across two slots
        at = bucket.find(identity, at + 1)
    return at
