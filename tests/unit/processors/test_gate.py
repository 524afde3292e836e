import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from hub.processors.gate import Gate, Passage
from schemas.identity import LIVE, DeliveryId, DeliveryKey
from schemas.report import DestinationState

ResultT = TypeVar("ResultT")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def begun(call: Coroutine[Any, Any, ResultT]) -> "asyncio.Task[ResultT]":
    task = asyncio.create_task(call)
    for _ in range(3):
        await asyncio.sleep(0)
    return task


def down(gate: Gate, passage: Passage, seconds: float = 1) -> bool:
    news = gate.refused(passage, seconds, "nobody home", down=True)
    gate.left(passage)
    return news


def keys(*names: str) -> list[DeliveryKey]:
    return [DeliveryKey(DeliveryId(name), LIVE) for name in names]


async def test_an_open_gate_lets_everybody_through() -> None:
    gate = Gate(Clock())
    assert await gate.enter() == await gate.enter() == Passage(100.0, probe=False)
    assert (gate.state, gate.reason, gate.wait, gate.calls) == (DestinationState.UP, None, None, 2)


async def test_after_a_pause_one_probe_goes_and_its_success_opens() -> None:
    clock = Clock()
    gate = Gate(clock)
    assert down(gate, await gate.enter()) is True
    assert (gate.state, gate.reason, gate.wait) == (DestinationState.DOWN, "nobody home", 1)
    clock.now += 1
    probe = await gate.enter()
    assert probe.probe
    other = await begun(gate.enter())
    assert not other.done()
    assert gate.succeeded(probe) is True
    gate.left(probe)
    assert await other == Passage(101.0, probe=False)
    assert gate.failures == 0
    assert gate.paused == 1.0
    assert gate.succeeded(await other) is False  # that is no news


async def test_a_probe_that_fails_makes_the_next_wait() -> None:
    clock = Clock()
    gate = Gate(clock)
    down(gate, await gate.enter())
    clock.now += 1
    assert down(gate, await gate.enter(), 5) is False
    assert gate.failures == 2
    other = await begun(gate.enter())
    assert not other.done()
    other.cancel()
    clock.now += 5
    assert await gate.enter() == Passage(106.0, probe=True)


async def test_a_probe_that_proves_nothing_lets_the_next_one_try() -> None:
    clock = Clock()
    gate = Gate(clock)
    down(gate, await gate.enter())
    clock.now += 1
    probe = await gate.enter()
    other = await begun(gate.enter())
    gate.left(probe)
    assert await other == Passage(101.0, probe=True)


async def test_calls_in_flight_together_count_as_one_failure() -> None:
    gate = Gate(Clock())
    calls = [await gate.enter() for _ in range(8)]
    for call in calls:
        down(gate, call)
    assert gate.failures == 1


async def test_an_old_success_does_not_open_what_was_closed_since() -> None:
    gate = Gate(Clock())
    old, new = await gate.enter(), await gate.enter()
    down(gate, new)
    assert gate.succeeded(old) is False
    assert not gate.is_open


async def test_throttling_is_no_failure_and_lasts_as_long_as_asked() -> None:
    clock = Clock()
    gate = Gate(clock)
    passage = await gate.enter()
    assert gate.refused(passage, 7, "slower", down=False) is False
    gate.left(passage)
    assert (gate.failures, gate.state, gate.wait) == (0, DestinationState.THROTTLED, 7)
    clock.now += 7
    probe = await gate.enter()
    assert gate.succeeded(probe) is False  # nobody was told that it was down
    assert gate.paused == 7


async def test_what_is_throttled_and_then_down_is_down() -> None:
    gate = Gate(Clock())
    first, second = await gate.enter(), await gate.enter()
    gate.refused(first, 1, "slower", down=False)
    assert gate.refused(second, 1, "nobody home", down=True) is True
    assert gate.refused(second, 1, "slower", down=False) is False
    assert gate.state is DestinationState.DOWN


async def test_what_a_person_holds_waits_until_they_let_go() -> None:
    clock = Clock()
    gate = Gate(clock)
    gate.release()  # nobody holds it: nothing happens
    gate.hold("paused by ada")
    gate.hold("paused by bob")
    assert (gate.state, gate.reason, gate.wait) == (DestinationState.PAUSED, "paused by bob", None)
    waiting = await begun(gate.enter())
    clock.now += 50
    assert not waiting.done()
    gate.release()
    assert (await waiting).probe is False
    assert (gate.paused, gate.state) == (50, DestinationState.UP)


async def test_letting_go_of_what_is_down_probes_at_once() -> None:
    clock = Clock()
    gate = Gate(clock)
    down(gate, await gate.enter(), 1000)
    gate.hold("paused by ada")
    clock.now += 10
    gate.release()
    probe = await gate.enter()
    assert probe.probe
    gate.succeeded(probe)
    assert gate.paused == 10


async def test_a_success_while_it_is_held_keeps_it_held() -> None:
    clock = Clock()
    gate = Gate(clock)
    first, late = await gate.enter(), await gate.enter()
    down(gate, first)
    clock.now += 1
    gate.hold("paused by ada")
    gate.succeeded(Passage(101.0, probe=True))
    gate.left(late)
    assert gate.state is DestinationState.PAUSED
    clock.now += 1
    assert gate.paused == 2


async def test_failures_of_many_deliveries_in_a_row_are_an_outage() -> None:
    gate = Gate(Clock())
    assert gate.failed(keys("a", "b", "c", "d", "e")) is True


async def test_one_bad_delivery_never_is() -> None:
    gate = Gate(Clock())
    for _ in range(50):
        assert isinstance(gate.failed(keys("a", "b")), asyncio.Future)


async def test_what_failed_while_others_get_through_is_its_own_fault() -> None:
    gate = Gate(Clock())
    passage = await gate.enter()
    doubt = gate.failed(keys("a"))
    assert isinstance(doubt, asyncio.Future)
    asked = await begun(gate.resolved(doubt, others=True))
    assert not asked.done()
    gate.succeeded(passage)
    assert await asked is False
    for _ in range(4):  # the series begins anew
        assert isinstance(gate.failed(keys("a")), asyncio.Future)


async def test_those_who_failed_first_are_not_to_blame_for_an_outage() -> None:
    gate = Gate(Clock())
    doubts = [gate.failed(keys(name)) for name in "abcd"]
    asked = [await begun(gate.resolved(doubt, others=True)) for doubt in doubts if not isinstance(doubt, bool)]
    assert gate.failed(keys("e")) is True
    assert await asyncio.gather(*asked) == [True] * 4


async def test_a_destination_that_says_that_it_is_down_settles_it_too() -> None:
    gate = Gate(Clock())
    passage = await gate.enter()
    doubt = gate.failed(keys("a"))
    assert not isinstance(doubt, bool)
    asked = await begun(gate.resolved(doubt, others=True))
    down(gate, passage)
    assert await asked is True
    assert gate.failed(keys("b")) is True  # while it is down


async def test_nobody_waits_for_others_that_are_not_there() -> None:
    gate = Gate(Clock())
    doubt = gate.failed(keys("a"))
    assert not isinstance(doubt, bool)
    assert await gate.resolved(doubt, others=False) is False


async def test_a_doubt_ends_when_nobody_tells() -> None:
    gate = Gate(Clock())
    doubt = gate.failed(keys("a"))
    assert not isinstance(doubt, bool)
    assert await gate.resolved(doubt, others=True) is False


async def test_what_it_is_down_for_may_be_over_and_the_next_probe_goes_at_once() -> None:
    gate = Gate(Clock())
    down(gate, await gate.enter(), 3600)
    waiting = await begun(gate.enter())
    assert not waiting.done()
    gate.try_now()
    assert (await asyncio.wait_for(waiting, 5)).probe


async def test_a_destination_that_asks_for_less_is_left_alone_all_the_same() -> None:
    gate = Gate(Clock())
    passage = await gate.enter()
    gate.refused(passage, 3600, "slower", down=False)
    gate.left(passage)
    gate.try_now()
    assert gate.wait == 3600
