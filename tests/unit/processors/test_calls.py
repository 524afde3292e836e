import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.api import (
    Batch,
    BatchDestination,
    Context,
    Delivery,
    DestinationConfig,
    EachDestination,
    Effect,
    Event,
    Options,
    OutgoingHttp,
    RetryableError,
    ThrottledError,
)
from hub.processors import calls
from hub.processors.calls import CallTimeoutError, ConnectorFaultError, attempt, bounded
from schemas.identity import LIVE, DeliveryId, DeliveryKey


def delivery(name: str) -> Delivery[Options]:
    event = Event("test", name, "thing", datetime.now(UTC), "0" * 64, b"{}")
    return Delivery(DeliveryKey(DeliveryId(name), LIVE), event, "route", 1, Options())


class Scripted(BatchDestination[DestinationConfig]):
    name = "scripted"
    config_model = DestinationConfig
    effect = Effect.APPEND
    answer: Callable[[Batch], Any]

    async def deliver(self, batch: Batch) -> Any:
        return self.answer(batch)


def scripted(answer: Callable[[Batch], Any], tmp_path: Path) -> Scripted:
    import logging

    made = Scripted(DestinationConfig(), Context("x", tmp_path, logging.getLogger(), OutgoingHttp()))
    made.answer = answer
    return made


ONE, TWO = delivery("one"), delivery("two")


async def test_each_key_gets_its_own_answer(tmp_path: Path) -> None:
    error = RetryableError("no")
    result = await attempt(scripted(lambda _: {ONE.key: None, TWO.key: error}, tmp_path), [ONE, TWO], 1)
    assert result == {ONE.key: None, TWO.key: error}


@pytest.mark.parametrize(
    "answer", [None, [], {TWO.key: None}, {ONE.key: "fine"}, {ONE.key: False}, {ONE.key: RetryableError}]
)
async def test_an_answer_that_is_none_is_a_failure(tmp_path: Path, answer: object) -> None:
    result = await attempt(scripted(lambda _: answer, tmp_path), [ONE], 1)
    assert isinstance(result[ONE.key], ConnectorFaultError)


async def test_raising_speaks_for_all(tmp_path: Path) -> None:
    def answer(_: Batch) -> None:
        raise KeyError("bug")

    result = await attempt(scripted(answer, tmp_path), [ONE, TWO], 1)
    assert [type(error) for error in result.values()] == [KeyError, KeyError]


@pytest.mark.parametrize("wish", [None, 5, "later"])
async def test_a_pause_that_is_no_duration_is_the_connectors_fault(tmp_path: Path, wish: Any) -> None:
    result = await attempt(scripted(lambda _: {ONE.key: ThrottledError("slow", wish)}, tmp_path), [ONE], 1)
    assert isinstance(result[ONE.key], ConnectorFaultError)


@pytest.mark.parametrize(("wish", "granted"), [(timedelta(days=999), timedelta(days=1)), (-timedelta(5), timedelta())])
async def test_a_pause_is_neither_endless_nor_negative(tmp_path: Path, wish: timedelta, granted: timedelta) -> None:
    result = await attempt(scripted(lambda _: {ONE.key: RetryableError("slow", wish)}, tmp_path), [ONE], 1)
    error = result[ONE.key]
    assert isinstance(error, RetryableError)
    assert error.retry_after == granted


class Slow(EachDestination[DestinationConfig]):
    name = "slow"
    config_model = DestinationConfig
    effect = Effect.APPEND

    async def deliver_one(self, delivery: Delivery) -> None:
        await asyncio.sleep(60)


async def test_a_call_has_an_end(tmp_path: Path) -> None:
    import logging

    slow = Slow(DestinationConfig(), Context("x", tmp_path, logging.getLogger(), OutgoingHttp()))
    result = await attempt(slow, [ONE], 0.01)
    assert isinstance(result[ONE.key], CallTimeoutError)


async def test_a_call_that_ignores_its_cancellation_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_CANCEL_TIMEOUT", 0.01)
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    with pytest.raises(CallTimeoutError):
        await bounded(stubborn(), 0.01)
    release.set()


async def test_a_call_that_ends_while_it_is_cancelled_counts() -> None:
    async def careful() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "committed"
        return "never"

    assert await bounded(careful(), 0.01) == "committed"


async def test_a_connector_that_cancels_itself_does_not_cancel_us() -> None:
    async def odd() -> None:
        raise asyncio.CancelledError

    with pytest.raises(ConnectorFaultError):
        await bounded(odd(), 1)


async def test_being_cancelled_ends_the_call_too() -> None:
    ended = asyncio.Event()

    async def call() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    task = asyncio.create_task(bounded(call(), 60))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
