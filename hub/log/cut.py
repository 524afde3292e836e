"""A cut through the log: where every topic of a hub stood, taken so that what was done by then is certainly in it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec

from hub.log.admin_client import admin_client, patiently
from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from schemas.lane import Lane
from schemas.quantities import parse_duration


@dataclass(frozen=True, slots=True)
class Range:
    """The records of one partition from ``begin`` up to, not including, ``end``.

    ``committed`` is what the group that works the topic off had committed before the end was asked for: everything
    below it is done, and what it caused is below the ends of the same cut. ``first`` is where the log begins.
    """

    topic: str
    partition: int
    first: int
    begin: int
    end: int
    committed: int

    @property
    def whole(self) -> "Range":
        """From where the log begins."""
        return replace(self, begin=min(self.first, self.end))

    @property
    def waiting(self) -> "Range":
        """What nobody has committed yet."""
        return replace(self, begin=min(max(self.committed, self.first), self.end))

    def from_waiting(self) -> "Range":
        """From ``begin`` on, or from what is not committed yet where that is earlier."""
        return replace(self, begin=min(self.begin, self.waiting.begin))

    def __len__(self) -> int:
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Cut:
    """Topic → its partitions. Topics of destinations and retry tiers are there whether configured or not."""

    topics: Topics
    ranges: Mapping[str, tuple[Range, ...]]
    ids: Mapping[str, str]
    destinations: tuple[str, ...]
    delays: tuple[timedelta, ...]

    @property
    def partitions(self) -> list[int]:
        """Every partition number there is."""
        return sorted({one.partition for ranges in self.ranges.values() for one in ranges})

    def of(self, topic: str, partition: int) -> Range | None:
        """The range of one partition; None where the topic has no such partition."""
        return next((one for one in self.ranges.get(topic, ()) if one.partition == partition), None)

    def lanes(self, partition: int) -> Iterator[tuple[str, Range]]:
        """(destination, range) of every deliveries topic."""
        for name in self.destinations:
            for lane in Lane:
                found = self.of(self.topics.deliveries(name, lane), partition)
                if found is not None:
                    yield name, found

    def tiers(self, partition: int) -> Iterator[tuple[timedelta, Range]]:
        """(delay, range) of every retry tier."""
        for delay in self.delays:
            found = self.of(self.topics.retries(delay), partition)
            if found is not None:
                yield delay, found

    def outcomes(self, partition: int) -> Iterator[Range]:
        """The range of every outcomes topic."""
        for name in self.destinations:
            found = self.of(self.topics.outcomes(name), partition)
            if found is not None:
                yield found


def take_cut(
    connection: KafkaConnection,
    topics: Topics,
    since: datetime | None = None,
    *,
    earlier: timedelta = timedelta(),
    timeout: float = 15.0,
) -> Cut:
    """Ask where everything stands: what is committed first, then the ends. Blocks.

    ``begin`` is the beginning of the log; or, of the events topic, the first record as young as ``since`` by its
    timestamp, and of every other topic the first as young as ``earlier`` before that. ``timeout`` (seconds) is for each
    request.

    Raises:
        KafkaUnavailableError, LogAdminError
    """
    with admin_client(connection, timeout) as client:
        described = [topic for topic in client.describe_topics() if topic["name"].startswith(f"{topics.hub}.")]
        names = {topic["name"] for topic in described}
        destinations = _endings(names, topics.outcomes(""))
        delays = sorted(parse_duration(each) for each in _endings(names, f"{topics.hub}.retries."))
        groups = _groups(topics, destinations, delays)
        known = _known(topics, destinations, delays)
        partitions = [
            TopicPartition(topic["name"], each["partition_index"])
            for topic in described
            if topic["name"] in known
            for each in topic["partitions"]
        ]
        committed = _committed(client, groups, timeout)
        end = _offsets(client, partitions, OffsetSpec.LATEST)
        first = _offsets(client, partitions, OffsetSpec.EARLIEST)
        begin = first
        if since is not None:
            events = [one for one in partitions if one.topic == topics.events]
            others = [one for one in partitions if one.topic != topics.events]
            begin = _young(client, events, since, end) | _young(client, others, since - earlier, end)
    ranges: dict[str, list[Range]] = {}
    for one in sorted(partitions):
        ranges.setdefault(one.topic, []).append(
            Range(
                topic=one.topic,
                partition=one.partition,
                first=first[one],
                begin=min(max(begin[one], first[one]), end[one]),
                end=end[one],
                committed=committed.get(one, 0),
            )
        )
    ids = {topic["name"]: str(topic["topic_id"]) for topic in described}
    return Cut(
        topics=topics,
        ranges={topic: tuple(found) for topic, found in ranges.items()},
        ids=ids,
        destinations=tuple(destinations),
        delays=tuple(delays),
    )


def ledger_topics(cut: Cut) -> list[str]:
    """The topics that the ledger consists of: decisions, and the outcomes of every destination there is or was."""
    return [name for name in _ledger(cut.topics, cut.destinations) if name in cut.ranges]


def ledger_topic_ids(connection: KafkaConnection, topics: Topics, timeout: float = 15.0) -> dict[str, str]:
    """Kafka's own ids of those topics: a topic that was deleted and made again has another. Blocks.

    Raises:
        KafkaUnavailableError, LogAdminError
    """
    with admin_client(connection, timeout) as client:
        ids = {topic["name"]: str(topic["topic_id"]) for topic in client.describe_topics()}
    return {name: ids[name] for name in _ledger(topics, _endings(ids, topics.outcomes(""))) if name in ids}


def _ledger(topics: Topics, destinations: Iterable[str]) -> list[str]:
    return [topics.decisions, *(topics.outcomes(name) for name in destinations)]


def _endings(names: Iterable[str], beginning: str) -> list[str]:
    return sorted(name.removeprefix(beginning) for name in names if name.startswith(beginning))


def _groups(topics: Topics, destinations: Iterable[str], delays: Iterable[timedelta]) -> dict[str, list[str]]:
    """Group → the topics it works off."""
    lanes = {topics.deliver_group(name): [topics.deliveries(name, lane) for lane in Lane] for name in destinations}
    return {
        topics.route_group: [topics.events],
        topics.delay_group: [topics.retries(delay) for delay in delays],
        **lanes,
    }


def _known(topics: Topics, destinations: Iterable[str], delays: Iterable[timedelta]) -> set[str]:
    worked_off = {topic for found in _groups(topics, destinations, delays).values() for topic in found}
    told = {topics.decisions, topics.dead_letters, topics.controls, topics.reports}
    return {*worked_off, *told, *(topics.outcomes(name) for name in destinations)}


def _committed(client: KafkaAdminClient, groups: Mapping[str, list[str]], timeout: float) -> dict[TopicPartition, int]:
    committed: dict[TopicPartition, int] = {}
    for group, worked_off in groups.items():  # one by one: brokers before 3.0 take no more
        answer: dict[str, Any] = patiently(partial(client.list_group_offsets, {group: None}), timeout)
        committed |= {
            one: found.offset
            for one, found in answer.get(group, {}).items()
            if found.offset >= 0 and one.topic in worked_off
        }
    return committed


def _young(
    client: KafkaAdminClient, partitions: list[TopicPartition], since: datetime, end: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    found = _offsets(client, partitions, max(int(since.timestamp() * 1000), 0))
    return {one: offset if offset >= 0 else end[one] for one, offset in found.items()}  # -1: no record as young


def _offsets(client: KafkaAdminClient, partitions: list[TopicPartition], at: Any) -> dict[TopicPartition, int]:
    found = client.list_partition_offsets(dict.fromkeys(partitions, at)) if partitions else {}
    return {one: answer.offset for one, answer in found.items()}
