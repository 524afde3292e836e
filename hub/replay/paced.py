"""Writes many records at a chosen rate, step by step; between two steps it can be stopped."""

import asyncio
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from hub.log.records import Record
from hub.log.writer import LogWriter

MarkT = TypeVar("MarkT")


@dataclass(frozen=True, slots=True)
class Append:
    """One record to write."""

    topic: str
    partition: int
    record: Record


@dataclass(frozen=True, slots=True)
class Step(Generic[MarkT]):
    """Records that are written together, and what is true once all of them are acknowledged."""

    appends: Sequence[Append]
    mark: MarkT


def step_size(rate: float) -> int:
    """Records per step: what a fifth of a second allows."""
    return max(1, min(1000, int(rate / 5)))


async def write_paced(
    steps: Generator[Step[MarkT], None, None],
    writer: LogWriter,
    *,
    rate: float,
    stop: asyncio.Event,
    done: Callable[[MarkT], None],
) -> bool:
    """Write every step, ``rate`` records a second; False when stopped before the last. Closes ``steps``.

    ``steps`` may block: it runs in a thread. ``done`` is called with the mark of each step that is acknowledged, in
    their order. A step that was begun when it is stopped is finished.

    Raises:
        WriteFailedError: Kafka did not take a step; a part of it may be written.
        RecordTooLargeError, and whatever ``steps`` raises.
    """
    loop = asyncio.get_running_loop()
    due = time.monotonic()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="steps") as thread:
        try:
            while not stop.is_set():
                step = await loop.run_in_executor(thread, next, steps, None)
                if step is None:
                    return True
                due = max(due, time.monotonic())
                if not await _sleep(due - time.monotonic(), stop):
                    break
                await _write(step.appends, writer)
                done(step.mark)
                due += len(step.appends) / rate
            return False
        finally:
            thread.submit(steps.close)


async def _write(appends: Sequence[Append], writer: LogWriter) -> None:
    by_place: dict[tuple[str, int], list[Record]] = {}
    for one in appends:
        by_place.setdefault((one.topic, one.partition), []).append(one.record)
    writes = (writer.append_all(*place, records) for place, records in by_place.items())
    for answer in await asyncio.gather(*writes, return_exceptions=True):  # none goes on after this has failed
        if isinstance(answer, BaseException):
            raise answer


async def _sleep(seconds: float, stop: asyncio.Event) -> bool:
    """False when ``stop`` is set meanwhile."""
    if seconds > 0:
        try:
            async with asyncio.timeout(seconds):
                await stop.wait()
        except TimeoutError:
            return True
    return not stop.is_set()
