"""What every record of the hub has in common: its shape, its format, and what is wrong with one that is not ours."""

from collections.abc import Sequence
from typing import NamedTuple

Headers = Sequence[tuple[str, bytes]]
"""Headers as the client libraries give them, in the order of the record."""

FORMAT = 1
FORMAT_HEADER = ("ce_hubformat", b"%d" % FORMAT)


class Record(NamedTuple):
    """One Kafka record to write. ``timestamp_ms`` None means now."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp_ms: int | None = None


class MalformedRecordError(ValueError):
    """The record was not written by a hub: something is missing or unreadable. It will fail the same way again."""


class NewerFormatError(Exception):
    """The record was written by a newer hub. A worker stops loudly: skipping it would lose it."""

    def __init__(self, found: int) -> None:
        super().__init__(f"the record has format {found}, this hub reads {FORMAT}: upgrade every worker first")
        self.found = found


def check_format(found: bytes | None) -> None:
    """Raises NewerFormatError, or MalformedRecordError where there is no format."""
    if found == FORMAT_HEADER[1]:
        return
    if found is None or not found.isdigit() or int(found) < FORMAT:
        raise MalformedRecordError(f"not a hub's record: its header ce_hubformat is {found!r}")
    raise NewerFormatError(int(found))
