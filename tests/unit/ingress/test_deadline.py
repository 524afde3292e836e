"""A deadline interrupts what hangs, and nothing else."""

import asyncio

import pytest

from hub.ingress.deadline import Deadline


async def test_what_hangs_is_interrupted() -> None:
    with pytest.raises(TimeoutError), Deadline(0.01):
        await asyncio.Event().wait()
    await asyncio.sleep(0)  # nothing of it is left: the task can wait again


async def test_what_ends_in_time_is_left_alone() -> None:
    with Deadline(0.01):
        await asyncio.sleep(0)
    await asyncio.sleep(0.03)


async def test_errors_pass() -> None:
    with pytest.raises(LookupError), Deadline(10):
        raise LookupError


async def test_a_cancellation_from_outside_stays_one() -> None:
    entered = asyncio.Event()

    async def work() -> None:
        with Deadline(10):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
