from hub.processors.pacing import Pacer


class Time:
    def __init__(self) -> None:
        self.now = 50.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


async def test_without_a_limit_nobody_waits() -> None:
    time = Time()
    pacer = Pacer(None, lambda: time.now, time.sleep)
    for _ in range(100):
        await pacer.turn(500)
    assert time.slept == []


async def test_each_waits_for_its_share_and_none_is_dropped() -> None:
    time = Time()
    pacer = Pacer(10, lambda: time.now, time.sleep)
    for _ in range(3):
        await pacer.turn(5)
    assert time.slept == [0.5, 0.5]


async def test_a_rest_allows_no_burst() -> None:
    time = Time()
    pacer = Pacer(10, lambda: time.now, time.sleep)
    await pacer.turn()
    time.now += 1000
    await pacer.turn(5)
    await pacer.turn()
    assert time.slept == [0.5]
