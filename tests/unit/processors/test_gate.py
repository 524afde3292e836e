import asyncio

from hub.processors.gate import Gate


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def waits(gate: Gate) -> "asyncio.Task[float]":
    task = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


async def test_an_open_gate_lets_everybody_through() -> None:
    gate = Gate(Clock())
    assert await gate.enter() == await gate.enter() == 100.0


async def test_after_a_pause_one_probe_goes_and_its_success_opens() -> None:
    clock = Clock()
    gate = Gate(clock)
    gate.closed(await gate.enter(), 0.01, down=True)
    clock.now += 1
    probe = await gate.enter()
    other = await waits(gate)
    assert not other.done()
    gate.opened(probe)
    assert await other == 101.0
    assert gate.failures == 0
    assert gate.paused == 1.0


async def test_a_probe_that_fails_makes_the_next_wait() -> None:
    clock = Clock()
    gate = Gate(clock)
    gate.closed(await gate.enter(), 1, down=True)
    clock.now += 1
    gate.closed(await gate.enter(), 5, down=True)
    assert gate.failures == 2
    other = await waits(gate)
    assert not other.done()
    other.cancel()
    clock.now += 5
    assert await gate.enter() == 106.0


async def test_a_probe_that_proves_nothing_lets_the_next_one_try() -> None:
    clock = Clock()
    gate = Gate(clock)
    gate.closed(await gate.enter(), 1, down=True)
    clock.now += 1
    probe = await gate.enter()
    other = await waits(gate)
    gate.left(probe)
    assert await other == 101.0


async def test_calls_in_flight_together_count_as_one_failure() -> None:
    gate = Gate(Clock())
    calls = [await gate.enter() for _ in range(8)]
    for call in calls:
        gate.closed(call, 1, down=True)
    assert gate.failures == 1


async def test_an_old_success_does_not_open_what_was_closed_since() -> None:
    clock = Clock()
    gate = Gate(clock)
    old, new = await gate.enter(), await gate.enter()
    gate.closed(new, 1, down=True)
    gate.opened(old)
    assert not gate.is_open


async def test_throttling_is_no_failure() -> None:
    gate = Gate(Clock())
    gate.closed(await gate.enter(), 1, down=False)
    assert gate.failures == 0
