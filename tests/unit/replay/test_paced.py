"""Writing step by step: the rate, the stop, and failures on either side."""

import asyncio
import time
from collections.abc import Generator, Sequence
from typing import cast

import pytest

from hub.log.records import Record
from hub.log.writer import LogWriter, WriteFailedError
from hub.replay.paced import Append, Step, step_size, write_paced


class Log:
    """Stands for a LogWriter; ``refuse`` is a topic it does not take."""

    def __init__(self, refuse: str = "") -> None:
        self.written: list[tuple[str, int, bytes]] = []
        self._refuse = refuse

    async def append_all(self, topic: str, partition: int, records: Sequence[Record]) -> list[int]:
        await asyncio.sleep(0)
        if topic == self._refuse:
            raise WriteFailedError("no")
        self.written += [(topic, partition, record.value or b"") for record in records]
        return []

    @property
    def writer(self) -> LogWriter:
        return cast("LogWriter", self)


class Steps:
    """``count`` steps of one record for each of ``topics``; their marks are their numbers."""

    def __init__(self, count: int, *topics: str, fails_at: int = -1) -> None:
        self._count = count
        self._topics = topics or ("t",)
        self._fails_at = fails_at
        self.closed = False

    def __call__(self) -> Generator[Step[int], None, None]:
        try:
            for number in range(self._count):
                if number == self._fails_at:
                    raise LookupError("the log cannot be read")
                yield Step([Append(topic, 0, Record(None, b"%d" % number, [])) for topic in self._topics], number)
        finally:
            self.closed = True


async def test_every_step_is_written_in_order_and_marked_when_it_is_acknowledged() -> None:
    log, steps, marks = Log(), Steps(5, "a", "b"), list[tuple[int, int]]()
    done = await write_paced(
        steps(), log.writer, rate=10_000, stop=asyncio.Event(), done=lambda mark: marks.append((mark, len(log.written)))
    )
    assert done
    assert [value for topic, _, value in log.written if topic == "a"] == [b"0", b"1", b"2", b"3", b"4"]
    assert marks == [(number, 2 * number + 2) for number in range(5)]
    assert steps.closed


async def test_it_is_never_faster_than_the_rate() -> None:
    began = time.monotonic()
    await write_paced(Steps(5, "a", "b")(), Log().writer, rate=50, stop=asyncio.Event(), done=lambda _: None)
    assert time.monotonic() - began > 4 * 2 / 50 - 0.01


async def test_a_stop_ends_it_after_the_step_that_was_begun() -> None:
    stop, steps, marks = asyncio.Event(), Steps(100), list[int]()

    def done(mark: int) -> None:
        marks.append(mark)
        if mark == 2:
            stop.set()

    assert not await write_paced(steps(), Log().writer, rate=10_000, stop=stop, done=done)
    assert marks == [0, 1, 2]
    assert steps.closed


async def test_a_stop_does_not_wait_for_the_rate() -> None:
    stop, marks = asyncio.Event(), list[int]()
    asyncio.get_running_loop().call_later(0.05, stop.set)
    async with asyncio.timeout(10):
        assert not await write_paced(Steps(2)(), Log().writer, rate=0.01, stop=stop, done=marks.append)
    assert marks == [0]


async def test_a_step_that_was_not_taken_is_not_marked() -> None:
    log, steps, marks = Log(refuse="b"), Steps(3, "a", "b"), list[int]()
    with pytest.raises(WriteFailedError):
        await write_paced(steps(), log.writer, rate=10_000, stop=asyncio.Event(), done=marks.append)
    assert marks == []
    assert steps.closed


async def test_what_reading_raises_is_raised() -> None:
    marks = list[int]()
    with pytest.raises(LookupError):
        await write_paced(Steps(3, fails_at=1)(), Log().writer, rate=10_000, stop=asyncio.Event(), done=marks.append)
    assert marks == [0]


def test_a_step_is_what_a_fifth_of_a_second_allows() -> None:
    assert [step_size(rate) for rate in (0.1, 100, 1_000_000)] == [1, 20, 1000]
