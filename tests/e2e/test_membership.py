"""What a worker cannot see from within its consumer group, on real Kafka: it ends, to be started anew."""

import asyncio
from collections.abc import Collection, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.assignor.partition_assignor import PartitionAssignor

from hub.config.model import LogConfig
from hub.config.settings import Settings
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.groups import GroupView, describe_groups
from hub.log.topics import Topics
from hub.processors import membership, worker
from hub.processors.membership import MembershipWatch
from hub.processors.watchdog import StalledError
from hub.processors.worker import WorkerFailedError, run_worker
from tests.chaos.hub_under_test import HubUnderTest

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubUnderTest:
    monkeypatch.setattr(membership, "EVERY", 0.3)
    return HubUnderTest(kafka, topics.hub, tmp_path, {})


def work(hub: HubUnderTest, home: str, stop: asyncio.Event) -> Coroutine[Any, Any, None]:
    """Route in this process, as a worker that shares one partition with whoever else does."""
    configuration = replace(hub.configuration(), log=LogConfig(partitions=1))
    LogAdmin(hub.kafka, configuration.layout).ensure()
    return run_worker(configuration, hub.kafka, Settings(home=hub.home / home), only=("route",), stop=stop)


async def failure(hub: HubUnderTest) -> BaseException | None:
    with pytest.raises(WorkerFailedError) as raised:
        await asyncio.wait_for(work(hub, "a", asyncio.Event()), 60)
    return raised.value.__cause__


async def test_a_member_of_a_group_whose_partitions_nobody_got_does_not_rest_for_ever(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_known(*_: object) -> dict[int, Any]:
        return {}

    monkeypatch.setattr(PartitionAssignor, "_get_copartitioned_groups", nothing_known)
    error = await failure(hub)
    assert isinstance(error, StalledError)
    assert f"gives 1 partitions to nobody, the first being 0 of {hub.topics.events}" in str(error)


async def test_a_member_whose_group_forgot_it_does_not_rest_for_ever(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_: object) -> None:
        with suppress(asyncio.CancelledError):  # as the original ends
            await asyncio.Event().wait()

    monkeypatch.setattr(GroupCoordinator, "_heartbeat_routine", silent)
    error = await failure(hub)
    assert isinstance(error, StalledError)
    assert "its group does not know it any more" in str(error)


async def test_a_worker_more_than_there_are_partitions_is_content(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = 0

    def look(connection: KafkaConnection, groups: Collection[str], timeout: float) -> Mapping[str, GroupView]:
        nonlocal idle
        found = describe_groups(connection, groups, timeout)
        idle += [bool(held) for view in found.values() for held in view.held.values()].count(False)
        return found

    monkeypatch.setattr(worker, "describe_groups", look)
    stop = asyncio.Event()
    workers = [asyncio.create_task(work(hub, name, stop)) for name in ("a", "b")]
    end = monotonic() + 60
    while idle < 4 and not any(each.done() for each in workers):
        assert monotonic() < end, "no worker is ever without a partition"
        await asyncio.sleep(0.05)
    stop.set()
    assert await asyncio.gather(*workers, return_exceptions=True) == [None, None]


async def test_a_watch_that_breaks_ends_the_worker_and_is_not_just_gone(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(MembershipWatch, "check", broken)
    assert isinstance(await failure(hub), ZeroDivisionError)


def test_a_group_that_never_was_has_no_members(kafka: KafkaConnection, topics: Topics) -> None:
    assert describe_groups(kafka, [topics.route_group], 10.0) == {topics.route_group: GroupView(settled=True, held={})}
