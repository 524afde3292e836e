"""The thread of a consumer: it joins the group, heartbeats, fetches and commits."""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from hub.log.leaders import follow_leaders
from hub.log.mending import mend

_log = logging.getLogger(__name__)

_LONG_POLL, _SHORT_POLL = 500, 20  # milliseconds

METADATA_TIMEOUT = 5.0  # seconds; shorter than the rebalance, which waits for it
_METADATA_PAUSE = 0.1

COMMIT_TIMEOUT = 5.0  # seconds; aiokafka alone repeats a commit for as long as the broker is away

Commits = Mapping[TP, tuple[int, str]]
"""Offset and note (Kafka calls it metadata) of each partition."""


def boot_clock() -> float:
    """Seconds that also pass while the machine is suspended, where the system has such a clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class SafeConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that heartbeats and fetches."""

    logger = driver.logger  # else its services' life is logged as ours
    notes: Mapping[TP, str] = MappingProxyType({})
    """What stood beside the committed offsets when they were last sought."""
    lease = 0.0
    """Until when (``boot_clock``) nobody else can own our partitions: a session after the last heartbeat was sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._committing = asyncio.Lock()
        super().__init__(*args, **kwargs)

    async def on_start(self) -> None:
        await super().on_start()
        consumer = self._ensure_consumer()
        follow_leaders(consumer)
        coordinator = consumer._coordinator  # noqa: SLF001  (nothing else knows of the group)
        self._renew_lease(coordinator)
        self._assign_what_is_known(coordinator)

    def _renew_lease(self, coordinator: Any) -> None:
        # A process that was frozen (SIGSTOP, a suspended laptop) goes on where it was, for as long as it takes Faust to
        # notice that the group has given its partitions away.
        heartbeat = coordinator._do_heartbeat  # noqa: SLF001

        async def renewing() -> bool:
            sent = boot_clock()
            alive: bool = await heartbeat()
            self.lease = sent + self.app.conf.broker_session_timeout if alive else 0.0
            return alive

        coordinator._do_heartbeat = renewing  # noqa: SLF001

    def _assign_what_is_known(self, coordinator: Any) -> None:
        # A broker that has just started knows of no topics for a moment. Whoever leads the group then gives nobody any
        # partition of them, and the whole group rests, all members being content, until one of them is started anew.
        perform = coordinator._perform_assignment  # noqa: SLF001

        async def informed(response: Any) -> Any:
            await until_known(coordinator._client, coordinator._subscription.topics)  # noqa: SLF001
            return await perform(response)

        coordinator._perform_assignment = informed  # noqa: SLF001

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> AIOKafkaConsumer:
        consumer = super()._create_consumer(loop)
        # Stock reads uncommitted: the records of aborted transactions are delivered.
        consumer._isolation_level = "read_committed"  # noqa: SLF001  (there is no setting)
        # A consumer that was not polled for a while (the agent waits for a destination) leaves the group, and Faust
        # never joins again: no limit. The watchdog of the worker looks at progress instead.
        consumer._max_poll_interval_ms = 10**12  # noqa: SLF001
        mend(consumer._client, getattr(self.transport, "cluster_id", None))  # noqa: SLF001
        return consumer

    def member(self) -> tuple[str, frozenset[str]]:
        """Its id in the group, as far as it knows, and the topics it is there for."""
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001  (nothing else knows of the group)
        return coordinator.member_id, frozenset(coordinator._subscription.topics)  # noqa: SLF001

    def wait_for_records(self, *, long: bool) -> None:
        """How long the broker may keep a fetch request of which no partition has anything (from the next one on).

        aiokafka has one request at a time in flight to a broker. While one partition is full, the others' long poll
        would delay its next fetch by as much.
        """
        milliseconds = _LONG_POLL if long else _SHORT_POLL
        self._ensure_consumer()._fetcher._fetch_max_wait_ms = milliseconds  # noqa: SLF001  (there is no setting)

    def is_behind(self, tp: TP) -> bool:
        """Whether the broker told of records that were not asked for yet, or where to begin is not known yet."""
        subscription = self._ensure_consumer()._subscription.subscription  # noqa: SLF001  (highwater() is not enough)
        state = subscription and subscription.assignment and subscription.assignment.state_value(TopicPartition(*tp))
        if not state:
            return False
        return not state.has_valid_position or (state.highwater or 0) > state.position

    async def commit_noted(self, commits: Commits) -> bool:
        """Commit offsets with notes; whether it is certain that they are. One at a time, in the order of the calls."""
        done: bool = await self.call_thread(self._commit_noted, commits)
        return done

    async def _commit_noted(self, commits: Commits) -> bool:
        # Stock crashes the app on every error, such as a broker that restarts. Refused or lost, the next commit
        # repeats it; a member that was expelled reads everything uncommitted again anyway.
        async with self._committing:  # aiokafka repeats one that failed after others that came later
            assigned = self.assignment()
            held = {driver.ensure_aiokafka_TP(tp): noted for tp, noted in commits.items() if tp in assigned}
            if not held:
                return False
            try:
                async with asyncio.timeout(COMMIT_TIMEOUT):
                    await self._ensure_consumer().commit(held)
            except (KafkaError, TimeoutError) as error:
                _log.warning("offsets not committed", extra={"group": self.app.conf.id, "error": repr(error)})
                return False
            return len(held) == len(commits)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        return cast("Mapping[TP, int]", await self.call_thread(self._seek_to_committed))

    async def _seek_to_committed(self) -> Mapping[Any, int]:
        consumer = self._ensure_consumer()
        partitions = list(consumer.assignment())
        coordinator = consumer._coordinator  # noqa: SLF001  (nothing else tells the notes)
        found = await coordinator.fetch_committed_offsets(partitions)
        self.notes = {TP(*tp): committed.metadata for tp, committed in found.items() if committed.metadata}
        for tp, committed in found.items():
            if committed.offset > 0 and tp in consumer.assignment():
                consumer.seek(tp, committed.offset)
        return {tp: found[tp].offset if tp in found else -1 for tp in partitions}


async def until_known(client: Any, topics: Collection[str]) -> None:
    """Wait until the client's metadata has every one of these topics, not for long.

    Raises:
        UnknownTopicOrPartitionError: one is not there; the consumer ends with it, and a new worker makes the topic.
    """
    end = time.monotonic() + METADATA_TIMEOUT
    while missing := [topic for topic in topics if not client.cluster.partitions_for_topic(topic)]:
        if time.monotonic() > end:
            raise UnknownTopicOrPartitionError(f"the brokers know nothing of {', '.join(sorted(missing))}")
        await client.force_metadata_update()
        await asyncio.sleep(_METADATA_PAUSE)
