"""The ingress's end of the log: connects however long it takes, and is never quiet about a failure."""

import asyncio

import pytest

from hub.ingress import event_log
from hub.ingress.event_log import EventLog, State
from hub.log.writer import WriteFailedError, WriterFullError
from schemas.event import Event
from tests.fixtures.ingress import NOW, MemoryWriter


def event(event_id: str) -> Event:
    return Event("shop", event_id, "t", NOW, "0" * 64, b"")


async def test_it_connects_when_kafka_comes_however_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "_FIRST_BACKOFF", 0.001)
    attempts = 0

    async def prepare() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 5:
            raise ConnectionError("nobody there")

    log = EventLog(MemoryWriter(), topic="t", partitions=1, prepare=prepare)
    assert log.state is State.STARTING
    await log.connect()
    assert (log.state, attempts) == (State.READY, 5)


async def test_what_waiting_cannot_repair_is_raised() -> None:
    async def prepare() -> None:
        raise ValueError("topic t has 4 partitions, not 8")

    with pytest.raises(ValueError, match="4 partitions"):
        await EventLog(MemoryWriter(), topic="t", partitions=1, prepare=prepare).connect()


async def connected(writer: MemoryWriter) -> EventLog:
    async def prepare() -> None:
        pass

    log = EventLog(writer, topic="t", partitions=4, prepare=prepare)
    await log.connect()
    return log


async def test_of_several_events_none_counts_before_all_are_acknowledged() -> None:
    writer = MemoryWriter(held=True)
    log = await connected(writer)
    appending = asyncio.create_task(log.append([event("1"), event("2")]))
    await writer.until_waiting(2)
    writer.waiting[0].set_result(0)
    done, _ = await asyncio.wait([appending], timeout=0.01)
    assert not done
    writer.waiting[1].set_result(0)
    await appending


async def test_when_one_of_several_fails_the_others_are_not_left_behind() -> None:
    writer = MemoryWriter(held=True)
    log = await connected(writer)
    appending = asyncio.create_task(log.append([event("1"), event("2"), event("3")]))
    await writer.until_waiting(3)
    writer.waiting[1].set_exception(WriteFailedError("second"))
    writer.waiting[0].set_exception(WriteFailedError("first"))
    with pytest.raises(WriteFailedError, match="first"):
        await appending
    assert writer.waiting[2].cancelled()


async def test_when_there_is_no_room_for_all_the_caller_hears_it() -> None:
    writer = MemoryWriter(held=True)
    log = await connected(writer)
    append = writer.append
    calls = iter([None, WriterFullError("full")])

    def full_at_the_second(*arguments: object) -> asyncio.Future[int]:
        writer.refusal = next(calls)
        return append(*arguments)  # type: ignore[arg-type]  # handed on as they came

    writer.append = full_at_the_second  # type: ignore[assignment,method-assign]  # this instance only
    with pytest.raises(WriterFullError):
        await log.append([event("1"), event("2")])
    assert writer.waiting[0].cancelled()


async def test_a_caller_that_gives_up_leaves_nothing_behind() -> None:
    writer = MemoryWriter(held=True)
    log = await connected(writer)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await log.append([event("1"), event("2")])
    assert all(each.cancelled() for each in writer.waiting)
