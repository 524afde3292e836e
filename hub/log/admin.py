"""The log's administration: makes and checks topics, deletes what is done, and says where everything stands."""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec

from hub.log.admin_client import TopicMissingError, admin_client, patiently
from hub.log.connection import KafkaConnection
from hub.log.topic_making import check_partitions, create, replicas_of, require, update
from hub.log.topics import Layout, TopicSpec, topic_specs
from schemas.lane import Lane
from schemas.quantities import parse_duration

WORK_KEPT = timedelta(days=7)
"""How long work that is done stays readable."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """Where one topic stands. Offsets are per partition; a topic that does not exist has none.

    ``committed`` holds the partitions its group has committed; ``lag`` counts, over all partitions, what the group
    has yet to do; None where no group works the topic off.
    """

    spec: TopicSpec
    replication: int
    first: Mapping[int, int]
    end: Mapping[int, int]
    committed: Mapping[int, int]

    @property
    def exists(self) -> bool:
        return bool(self.end)

    @property
    def records(self) -> int:
        return sum(self.end.values()) - sum(self.first.values())

    @property
    def lag(self) -> int | None:
        if self.spec.group is None:
            return None
        return sum(end - max(self.committed.get(p, 0), self.first[p]) for p, end in self.end.items())


class LogAdmin:
    """Blocking; run it in a thread. Every method connects, works and disconnects, so calls may run concurrently.

    Args:
        timeout: seconds for connecting, and for each request.

    Every method raises KafkaUnavailableError (an OSError) when Kafka does not answer in time, and LogAdminError when
    it refuses.
    """

    def __init__(self, connection: KafkaConnection, layout: Layout, timeout: float = 15.0) -> None:
        self._connection = connection
        self._layout = layout
        self._topics = layout.topics
        self._timeout = timeout

    def ensure(self) -> list[str]:
        """Create the topics that are missing, bring the settings of the others up to date; returns what was created.
        Where ``log.manage_topics`` is off: only see to it that all is as it must be.

        Idempotent; several processes may do it at once. A topic's ``max.message.bytes`` only grows, since what is
        stored must still fit when it is copied.

        Raises:
            TopicMismatchError: a topic has another number of partitions; nothing was changed.
            TopicCreationError
            TopicMissingError, TopicSettingError: for an administrator to put right.
        """
        specs = {spec.name: spec for spec in topic_specs(self._layout)}
        with admin_client(self._connection, self._timeout) as client:
            if not self._layout.settings.manage_topics:
                require(client, specs, self._layout)
                return []
            existing = check_partitions(client, specs, self._layout)
            created = create(client, [spec for name, spec in specs.items() if name not in existing])
            if len(created) < len(specs):
                others = {name: spec for name, spec in specs.items() if name not in created}
                check_partitions(client, others, self._layout)  # another process may just have made them
                update(client, others)
        return created

    def offsets(self, topic: str) -> dict[int, tuple[int, int]]:
        """Partition → (first offset, end offset); empty if there is no such topic."""
        with admin_client(self._connection, self._timeout) as client:
            partitions = [TopicPartition(topic, p) for p in replicas_of(client, [topic]).get(topic, ())]
            first, end = (
                _offsets(client, partitions, OffsetSpec.EARLIEST),
                _offsets(client, partitions, OffsetSpec.LATEST),
            )
            return {one.partition: (first[one], end[one]) for one in partitions}

    def incarnations(self, topics: Iterable[str]) -> dict[str, str]:
        """The first 8 hex digits of Kafka's own id of each topic: one that was deleted and made again has another.

        Raises:
            TopicMissingError
        """
        wanted = list(topics)
        with admin_client(self._connection, self._timeout) as client:
            found = {one["name"]: one["topic_id"] for one in client.describe_topics(wanted) if one["partitions"]}
        if missing := [topic for topic in wanted if topic not in found]:
            raise TopicMissingError(f"there is no topic {', '.join(missing)} on Kafka at {self._connection.bootstrap}")
        return {topic: str(found[topic]).replace("-", "")[:8] for topic in wanted}

    def states(self) -> list[TopicState]:
        """Every topic of the hub, those that do not exist included, in the order of the data's path."""
        specs = topic_specs(self._layout)
        with admin_client(self._connection, self._timeout) as client:
            replicas = replicas_of(client, [spec.name for spec in specs])
            partitions = [TopicPartition(name, p) for name, found in replicas.items() for p in found]
            first, end = (
                _offsets(client, partitions, OffsetSpec.EARLIEST),
                _offsets(client, partitions, OffsetSpec.LATEST),
            )
            committed = self._committed(client, dict.fromkeys(spec.group for spec in specs if spec.group))

        def of(topic: str, offsets: Mapping[TopicPartition, int]) -> dict[int, int]:
            return {one.partition: offset for one, offset in offsets.items() if one.topic == topic}

        return [
            TopicState(
                spec=spec,
                replication=min((len(nodes) for nodes in replicas.get(spec.name, {}).values()), default=0),
                first=of(spec.name, first),
                end=of(spec.name, end),
                committed=of(spec.name, committed.get(spec.group, {})) if spec.group else {},
            )
            for spec in specs
        ]

    def committed(self, group: str) -> dict[str, dict[int, int]]:
        """Topic → partition → the offset from which a consumer group goes on, where it has committed one."""
        with admin_client(self._connection, self._timeout) as client:
            found = self._committed(client, [group])[group]
        offsets: dict[str, dict[int, int]] = {}
        for one, offset in found.items():
            offsets.setdefault(one.topic, {})[one.partition] = offset
        return offsets

    def forgotten(self, destination: str) -> list[int]:
        """Partitions the destination has outcomes in, but for which its group has no committed offset.

        Starting such a group at the beginning would deliver everything again that its outcomes no longer cover:
        offsets expire on clusters that are set so, and are lost when a group is deleted.
        """
        outcomes, group = self._topics.outcomes(destination), self._topics.deliver_group(destination)
        with admin_client(self._connection, self._timeout) as client:
            written = [TopicPartition(outcomes, p) for p in replicas_of(client, [outcomes]).get(outcomes, ())]
            ends = _offsets(client, written, OffsetSpec.LATEST)
            committed = self._committed(client, [group])[group]
        worked_on = {one.partition for one in committed if one.topic in self._lanes(destination)}
        return sorted(one.partition for one, end in ends.items() if end > 0 and one.partition not in worked_on)

    def unfinished(self, destinations: Collection[str]) -> dict[str, dict[int, int]]:
        """Destination → partition → how many of its deliveries are not committed, over all lanes. Whether configured or
        not; those that have no topics are left out.
        """
        if not destinations:
            return {}
        lanes = {topic: name for name in destinations for topic in self._lanes(name)}
        with admin_client(self._connection, self._timeout) as client:
            replicas = replicas_of(client, list(lanes))
            partitions = [TopicPartition(topic, p) for topic, found in replicas.items() for p in found]
            first = _offsets(client, partitions, OffsetSpec.EARLIEST)
            committed = self._committed(client, [self._topics.deliver_group(name) for name in destinations])
            end = _offsets(client, partitions, OffsetSpec.LATEST)
        found: dict[str, dict[int, int]] = {}
        for one in partitions:
            name = lanes[one.topic]
            done = max(committed[self._topics.deliver_group(name)].get(one, 0), first[one])
            counts = found.setdefault(name, {})
            counts[one.partition] = counts.get(one.partition, 0) + max(0, end[one] - done)
        return found

    def delete_topics(self, destinations: Collection[str]) -> list[str]:
        """Delete the topics of destinations, their outcomes included, and their groups; returns the topics' names."""
        wanted = [topic for name in destinations for topic in (*self._lanes(name), self._topics.outcomes(name))]
        with admin_client(self._connection, self._timeout) as client:
            there = [topic for topic in wanted if topic in set(client.list_topics())]
            if there:
                client.delete_topics(there)
            for name in destinations:
                client.delete_groups([self._topics.deliver_group(name)])
        return sorted(there)

    def tiers(self) -> list[timedelta]:
        """The delays of the retry tiers that exist, those included that are no longer configured."""
        return sorted(parse_duration(name) for name in self._existing("retries"))

    def ledgers(self) -> list[str]:
        """The destinations that have an outcomes topic, those included that are no longer configured."""
        return sorted(self._existing("outcomes"))

    def _existing(self, kind: str) -> list[str]:
        prefix = f"{self._topics.hub}.{kind}."
        with admin_client(self._connection, self._timeout) as client:
            return [name.removeprefix(prefix) for name in client.list_topics() if name.startswith(prefix)]

    def delete_finished(self, kept: timedelta = WORK_KEPT) -> dict[str, dict[int, int]]:
        """Delete the work that is committed and older than ``kept``: deliveries, and retries that moved on.

        Returns topic → partition → new first offset, where something was deleted. To be called now and then.
        """
        work = {spec.name: spec.group for spec in topic_specs(self._layout) if spec.group is not None}
        del work[self._topics.events]  # which is history
        before = int((time.time() - kept.total_seconds()) * 1000)
        with admin_client(self._connection, self._timeout) as client:
            replicas = replicas_of(client, list(work))
            partitions = [TopicPartition(name, p) for name, found in replicas.items() for p in found]
            first, end = (
                _offsets(client, partitions, OffsetSpec.EARLIEST),
                _offsets(client, partitions, OffsetSpec.LATEST),
            )
            young = _offsets(client, partitions, before)
            committed = self._committed(client, dict.fromkeys(work.values()))
            targets = {}
            for one in partitions:
                # No record as young as that: all are old.
                oldest_kept = young[one] if young[one] >= 0 else end[one]
                target = min(committed[work[one.topic]].get(one, 0), oldest_kept)
                if target > first[one]:
                    targets[one] = target
            if targets:
                client.delete_records(targets, timeout_ms=int(self._timeout * 1000))
        deleted: dict[str, dict[int, int]] = {}
        for one, offset in targets.items():
            deleted.setdefault(one.topic, {})[one.partition] = offset
        return deleted

    def _lanes(self, destination: str) -> set[str]:
        return {self._topics.deliveries(destination, lane) for lane in Lane}

    def _committed(self, client: KafkaAdminClient, groups: Iterable[str]) -> dict[str, dict[TopicPartition, int]]:
        answer: dict[str, dict[TopicPartition, Any]] = {}
        for group in groups:  # one by one: brokers before 3.0 take no more
            answer |= patiently(partial(client.list_group_offsets, {group: None}), self._timeout)
        return {
            group: {one: found.offset for one, found in answer.get(group, {}).items() if found.offset >= 0}
            for group in groups
        }


def _offsets(client: KafkaAdminClient, partitions: list[TopicPartition], at: Any) -> dict[TopicPartition, int]:
    """``at``: an OffsetSpec, or milliseconds: the first record as young as that, -1 if there is none."""
    if not partitions:
        return {}
    found = client.list_partition_offsets(dict.fromkeys(partitions, at))
    return {one: answer.offset for one, answer in found.items()}
