"""A cut asks in the order that makes it sound, and finds its way around the topics of a hub."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.admin import OffsetSpec

from hub.log import cut
from hub.log.connection import KafkaConnection
from hub.log.cut import Range, ledger_topics, take_cut
from hub.log.topics import Topics
from schemas.lane import Lane

TOPICS = Topics("hub")
NAMES = ["hub.events", "hub.decisions", "hub.outcomes.out", "hub.deliveries.out", "hub.retries.5s", "hub.dead-letters"]


class Client:
    """An admin client that tells what it was asked, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def describe_topics(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "topic_id": f"id of {name}", "partitions": [{"partition_index": 0}]}
            for name in [*NAMES, "hub.elsewhere", "hubble.events"]
        ]

    def list_group_offsets(self, groups: dict[str, None]) -> dict[str, Any]:
        self.asked.append("committed")
        [group] = groups
        committed = {"hub.route": ("hub.events", 4), "hub.deliver.out": ("hub.deliveries.out", 9)}.get(group)
        if committed is None:
            return {}
        topic, offset = committed
        return {group: {TopicPartition(topic, 0): SimpleNamespace(offset=offset)}}

    def list_partition_offsets(self, wanted: dict[TopicPartition, Any]) -> dict[TopicPartition, Any]:
        [at] = set(wanted.values())
        what = {OffsetSpec.LATEST: "end", OffsetSpec.EARLIEST: "first"}.get(at, "time")
        self.asked.append(what)
        young = -1 if what == "time" and at > 1_000_000_000_000 else 5
        offset = {"end": 10, "first": 2, "time": young}[what]
        return dict.fromkeys(wanted, SimpleNamespace(offset=offset))


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    client = Client()

    @contextmanager
    def connected(connection: KafkaConnection, timeout: float) -> Iterator[Client]:
        yield client

    monkeypatch.setattr(cut, "admin_client", connected)
    return client


def take(since: datetime | None = None) -> cut.Cut:
    return take_cut(KafkaConnection("localhost:1"), TOPICS, since, earlier=timedelta(hours=1))


def test_what_is_committed_is_asked_before_the_ends(client: Client) -> None:
    """The other way round, what was delivered and committed in between would look as if it had no end."""
    take()
    assert client.asked.index("end") > max(at for at, what in enumerate(client.asked) if what == "committed")


def test_ranges_know_what_waits(client: Client) -> None:
    found = take()
    assert found.of("hub.events", 0) == Range("hub.events", 0, first=2, begin=2, end=10, committed=4)
    [(name, lane)] = found.lanes(0)
    assert (name, lane.topic, lane.committed) == ("out", TOPICS.deliveries("out", Lane.NORMAL), 9)
    assert (lane.waiting.begin, len(lane.waiting), len(lane)) == (9, 1, 8)
    [(delay, tier)] = found.tiers(0)
    assert (delay, tier.waiting.begin) == (timedelta(seconds=5), 2), "nobody has committed: all of it waits"


def test_a_cut_that_begins_later_still_has_what_waits(client: Client) -> None:
    old = datetime.fromtimestamp(1000, UTC)
    lane = take(old).of("hub.deliveries.out", 0)
    assert lane is not None
    assert (lane.begin, lane.from_waiting().begin, lane.whole.begin) == (5, 5, 2)
    tier = take(datetime.now(UTC)).of("hub.retries.5s", 0)
    assert tier is not None
    assert (tier.begin, tier.from_waiting().begin) == (10, 2), "no record is as young"


def test_only_the_topics_of_this_hub_are_in_it(client: Client) -> None:
    found = take()
    assert set(found.ranges) == set(NAMES)
    assert found.of("hub.events", 7) is None
    assert ledger_topics(found) == ["hub.decisions", "hub.outcomes.out"]
    assert found.ids["hub.decisions"] == "id of hub.decisions"
