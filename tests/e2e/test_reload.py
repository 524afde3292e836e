"""The configuration changes while events come in: nothing is lost, nothing undecided, nobody is restarted."""

from pathlib import Path

import pytest

from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from tests.fixtures.change import Changing, monotone, until_true

pytestmark = pytest.mark.timeout(180)

ONE = "{out: {type: console}}"
TO_ONE = "[{id: all, to: out, when: {source: [github]}}]"


@pytest.fixture
def hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> Changing:
    return Changing(tmp_path, kafka, topics, ONE, TO_ONE)


async def test_two_workers_take_up_a_new_destination_under_load(hub: Changing) -> None:
    first = hub.revision()
    async with hub.working(home="a") as a, hub.working(home="b") as b, hub.load() as ids:
        await until_true(lambda: len(hub.outcomes("out")) > 100, what="the first outcomes")
        second = await hub.apply(
            "{out: {type: console}, two: {type: console}}",
            "[{id: all, to: [out, two], when: {source: [github]}}]",
        )
        await until_true(lambda: {a.current.revision, b.current.revision} == {second}, what="the second revision")
        await until_true(lambda: len(hub.outcomes("two")) > 100, what="outcomes of the new destination")
    async with hub.working(home="a"):
        await until_true(lambda: not hub.undecided(ids) and not hub.undelivered(), what="every end")
    assert monotone(hub.decisions(), [first, second])
    assert {one.revision for each in hub.decisions().values() for one in each} == {first, second}
    assert hub.repeats("out") == hub.repeats("two") == 0
