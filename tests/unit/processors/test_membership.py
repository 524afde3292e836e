from collections.abc import Collection, Mapping
from types import SimpleNamespace

import pytest

from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.groups import GroupView
from hub.processors.membership import Member, MembershipWatch, complaint
from hub.processors.watchdog import StalledError

PARTITIONS = 2
ME = Member("me", frozenset({"work"}), 1)


def view(*, settled: bool = True, **held: Collection[int]) -> GroupView:
    """Who holds which partitions of the topic."""
    return GroupView(
        settled, {name: frozenset(("work", number) for number in numbers) for name, numbers in held.items()}
    )


@pytest.mark.parametrize(
    "content",
    [
        view(me=[0, 1]),
        view(me=[], other=[0, 1]),  # more workers than partitions
        view(me=[0], other=[]),  # what rests is not for it to say: it has work, and whoever has none ends
        view(other=[0, 1], settled=False),  # a rebalance is going on
        view(me=[], settled=False),
    ],
)
def test_nothing_is_wrong(content: GroupView) -> None:
    assert complaint(content, ME, PARTITIONS) is None


@pytest.mark.parametrize("without_me", [view(other=[0, 1]), view()])
def test_a_group_that_does_not_know_its_member_is_wrong(without_me: GroupView) -> None:
    assert complaint(without_me, ME, PARTITIONS) == "its group does not know it any more"


def test_partitions_that_nobody_has_while_it_has_none_are_wrong() -> None:
    assert complaint(view(me=[], other=[0]), ME, PARTITIONS) == (
        "its group gives 1 partitions to nobody, the first being 1 of work"
    )


class Watched:
    """A processor, and what the brokers say of its group."""

    name = "route"

    def __init__(self) -> None:
        consumer = SimpleNamespace(member=ME, in_doubt=True)
        self.app = SimpleNamespace(conf=SimpleNamespace(id="hub.route"), consumer=consumer)
        self.view = view(me=[])
        self.error: Exception | None = None
        self.asked = 0
        self.failures: list[BaseException] = []
        self.watch = MembershipWatch([self], self.look, PARTITIONS, self.failures.append)

    def look(self, groups: Collection[str]) -> Mapping[str, GroupView]:
        assert list(groups) == ["hub.route"]
        self.asked += 1
        if self.error is not None:
            raise self.error
        return {"hub.route": self.view}


@pytest.fixture
def watched() -> Watched:
    return Watched()


async def test_what_is_wrong_twice_in_a_row_ends_the_worker(watched: Watched) -> None:
    await watched.watch.check()
    assert watched.failures == []
    await watched.watch.check()
    assert isinstance(watched.failures[0], StalledError)
    assert "route has nothing to do although it should: its group gives 2 partitions" in str(watched.failures[0])


async def test_an_assignment_between_two_looks_is_another_chance(watched: Watched) -> None:
    await watched.watch.check()
    watched.app.consumer.member = ME._replace(epoch=2)
    await watched.watch.check()
    assert watched.failures == []


async def test_a_good_look_starts_anew(watched: Watched) -> None:
    await watched.watch.check()
    watched.view = view(me=[], other=[0, 1])
    await watched.watch.check()
    watched.view = view(me=[])
    await watched.watch.check()
    assert watched.failures == []


async def test_brokers_that_do_not_tell_end_nobody(watched: Watched) -> None:
    """They are away, or the hub may not ask."""
    for error in (
        KafkaUnavailableError(KafkaConnection("127.0.0.1:9"), OSError("refused")),
        LogAdminError("not authorized"),
    ):
        watched.error = error
        await watched.watch.check()
        await watched.watch.check()
    assert watched.failures == []


async def test_nobody_is_asked_while_there_is_work(watched: Watched) -> None:
    watched.app.consumer.in_doubt = False
    await watched.watch.check()
    assert watched.asked == 0
