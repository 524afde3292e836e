"""One thing takes over from another while calls are under way."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hub.handover import Handover
from tests.fixtures.ingress import until


class Door:
    """What is handed over: writes down what is done to it."""

    def __init__(self, name: str, done: list[str]) -> None:
        self.name = name
        self.done = done
        self.may_open = asyncio.Event()

    async def open(self) -> None:
        await self.may_open.wait()
        if self.name.startswith("locked") and self.done.count(f"failed {self.name}") < 2:
            raise RuntimeError("locked")
        self.done.append(f"opened {self.name}")

    async def close(self) -> None:
        self.done.append(f"closed {self.name}")


class Rotation:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.doors: dict[str, Door] = {}
        self.waiting: set[str] = set()
        self.served_at_failures: list[str] = []
        self.handover: Handover[str, Door] = Handover(
            self._make,
            Door.open,
            Door.close,
            failed=self._failed,
            taken_over=lambda name: self.done.append(f"{name} serves"),
        )

    def let_open(self, name: str) -> None:
        if name in self.doors:
            self.doors[name].may_open.set()
        self.waiting.discard(name)

    def _make(self, name: str) -> Door:
        self.doors[name] = door = Door(name, self.done)
        if name not in self.waiting:
            door.may_open.set()
        return door

    def _failed(self, _: Exception, failures: int) -> float:
        name = list(self.doors)[-1]
        self.done.append(f"failed {name}")
        assert failures == self.done.count(f"failed {name}")
        self.served_at_failures.append(self.handover.use().item.name)
        return 0.0

    async def until(self, *events: str) -> None:
        await until(lambda: set(events) <= set(self.done))


@pytest.fixture
async def rotation() -> AsyncIterator[Rotation]:
    rotation = Rotation()
    rotation.handover.replace("first")
    await asyncio.wait_for(rotation.handover.ready(), 5)
    rotation.done.clear()
    yield rotation
    await rotation.handover.close(5)


async def test_a_call_under_way_ends_with_what_it_began_with(rotation: Rotation) -> None:
    with rotation.handover.use() as door:
        with rotation.handover.use() as same:
            assert same is door
        rotation.handover.replace("second")
        await rotation.until("second serves")
        with rotation.handover.use() as new:
            assert new.name == "second"
        assert door.name == "first"
        assert "closed first" not in rotation.done
    await rotation.until("closed first")
    assert rotation.done == ["opened second", "second serves", "closed first"]


async def test_what_is_not_open_yet_serves_nobody(rotation: Rotation) -> None:
    rotation.waiting.add("second")
    rotation.handover.replace("second")
    for _ in range(10):
        await asyncio.sleep(0)
    assert rotation.handover.use().item.name == "first"
    rotation.let_open("second")
    await rotation.until("second serves")


async def test_what_cannot_be_opened_is_tried_again_while_the_old_one_serves(rotation: Rotation) -> None:
    rotation.handover.replace("locked")
    await rotation.until("locked serves", "closed first")
    assert rotation.served_at_failures == ["first", "first"]
    assert rotation.done.count("closed locked") == 2, "each that could not be opened is closed"


async def test_a_later_change_overtakes_one_that_is_not_open(rotation: Rotation) -> None:
    rotation.waiting.add("second")
    rotation.handover.replace("second")
    await until(lambda: "second" in rotation.doors)
    rotation.handover.replace("third")
    await rotation.until("third serves", "closed first", "closed second")
    assert "second serves" not in rotation.done


async def test_the_end_closes_also_what_is_still_used_and_what_is_still_opening(rotation: Rotation) -> None:
    rotation.waiting.add("third")
    with rotation.handover.use():
        rotation.handover.replace("second")
        await rotation.until("second serves")
        rotation.handover.replace("third")
        await until(lambda: "third" in rotation.doors)
        await rotation.handover.close(5)
    assert sorted(rotation.done[2:]) == ["closed first", "closed second", "closed third"]
