"""Which records of a partition were handed out, and how far they are done."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import ConsumerRecord
from faust.types import TP


@dataclass(frozen=True, slots=True)
class Limits:
    """How far ahead of the slowest record a partition may be read, and how long running work is waited for (seconds).

    ``unread`` bounds the records that still have their contents (`Received.let_go`), ``total_bytes`` all partitions
    together. ``revoke`` must stay under half of the rebalance timeout: a member
    that drains longer is expelled, and its commit refused. What does not end in time is not committed, so it is read
    again.
    """

    records: int = 2000
    bytes: int = 8_000_000
    unread: int = 2**62
    total_bytes: int = 2**62
    revoke: float = 4.0
    stop: float = 20.0


class Received:
    """A record that was handed out. ``acked`` once everything it caused is acknowledged."""

    __slots__ = ("_record", "acked", "epoch", "offset", "size", "tp", "window")

    def __init__(self, tp: TP, record: "ConsumerRecord[bytes, bytes]", epoch: int, window: "Window") -> None:
        self.tp = tp
        self._record: ConsumerRecord[bytes, bytes] | None = record
        self.epoch = epoch
        self.window = window
        self.acked = False
        self.offset: int = record.offset
        self.size = len(record.value or b"") + 200  # headers and bookkeeping

    @property
    def record(self) -> "ConsumerRecord[bytes, bytes]":
        assert self._record is not None, "it was let go"
        return self._record

    def let_go(self) -> None:
        """Nobody looks at the record any more: its headers take five times what its bytes do."""
        if self._record is not None:
            self._record = None
            self.window.unread -= 1


class Window:
    """The records of one partition that were handed out, from the first that is not acked on, in offset order.

    Bounding the window, and not only what is in flight, bounds what a crash repeats: everything acked ahead of the
    slowest record is read again. It needs no offsets that never arrive (compacted, aborted, transaction markers).
    """

    __slots__ = ("bytes", "end", "records", "unread", "watermark")

    def __init__(self) -> None:
        self.records: deque[Received] = deque()
        self.bytes = 0
        self.watermark: int | None = None  # the next offset to commit
        self.end = 0  # the next offset to hand out
        self.unread = 0

    def extend(self, received: Sequence[Received]) -> None:
        self.records.extend(received)
        self.unread += len(received)
        self.end = received[-1].offset + 1
        self.bytes += sum([one.size for one in received])

    def settle(self) -> None:
        records = self.records
        while records and records[0].acked:
            first = records.popleft()
            first.let_go()
            self.bytes -= first.size
            self.watermark = first.offset + 1

    def has_room(self, limits: Limits) -> bool:
        """Whether more may be read: one record of any size always, when there is none."""
        return not self.records or (
            len(self.records) < limits.records and self.bytes < limits.bytes and self.unread < limits.unread
        )
