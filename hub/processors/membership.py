"""Notices what a worker cannot see from within its group: that it is forgotten, or that partitions rest unowned.

A worker without any partition may be content, there being more workers than partitions, or the victim of an assignment
that gave some partitions to nobody. Only the group's coordinator knows which.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.groups import GroupView
from hub.processors.watchdog import StalledError

_log = logging.getLogger(__name__)

EVERY = 30.0  # seconds

Look = Callable[[Collection[str]], Mapping[str, GroupView]]
"""Describes groups by name. Blocks, and raises as `hub.log.groups.describe_groups` does."""


class Member(NamedTuple):
    """Who a processor is in its group, and for which topics. ``epoch`` changes with every assignment."""

    id: str
    topics: frozenset[str]
    epoch: int


class Grouped(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def app(self) -> Any: ...


def complaint(view: GroupView, member: Member, partitions: int) -> str | None:
    """What is wrong with a member that has no work, or heard nothing of its group for a session; None if nothing is.

    ``partitions`` is what each of its topics has.
    """
    if not view.settled:
        return None
    if member.id not in view.held:
        return "its group does not know it any more"
    if view.held[member.id]:
        return None
    owned = frozenset[tuple[str, int]]().union(*view.held.values())
    unowned = sorted({(topic, number) for topic in member.topics for number in range(partitions)} - owned)
    if not unowned:
        return None
    topic, number = unowned[0]
    return f"its group gives {len(unowned)} partitions to nobody, the first being {number} of {topic}"


class MembershipWatch:
    """Calls ``failed`` for a processor about which there is a `complaint` in two looks in a row, with no assignment
    between them. A worker that starts anew makes its group assign again. Asks nothing while all have work.
    """

    def __init__(
        self, processors: Sequence[Grouped], look: Look, partitions: int, failed: Callable[[BaseException], None]
    ) -> None:
        self._processors = processors
        self._look = look
        self._partitions = partitions
        self._failed = failed
        self._suspects: dict[str, Member] = {}

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await self.check()

    async def check(self) -> None:
        """Look once."""
        doubtful = {
            processor.app.conf.id: (processor.name, processor.app.consumer.member)
            for processor in self._processors
            if processor.app.consumer.in_doubt
        }
        views = await self._views(doubtful) if doubtful else {}
        before, self._suspects = self._suspects, {}
        for group, view in views.items():
            name, member = doubtful[group]
            if (reason := complaint(view, member, self._partitions)) is None:
                continue
            if before.get(name) == member:
                self._failed(StalledError(f"{name} has nothing to do although it should: {reason}"))
            self._suspects[name] = member

    async def _views(self, groups: Collection[str]) -> Mapping[str, GroupView]:
        try:
            return await asyncio.to_thread(self._look, groups)
        except (KafkaUnavailableError, LogAdminError) as error:
            _log.info("the groups cannot be checked now", extra={"error": str(error)})
            return {}
