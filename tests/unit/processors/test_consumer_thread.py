"""Whoever leads a group gives out partitions only once it knows of all topics."""

from dataclasses import dataclass

import pytest
from aiokafka.errors import UnknownTopicOrPartitionError

from hub.processors import consumer_thread
from hub.processors.consumer_thread import until_known


@dataclass
class Client:
    """aiokafka's client and its metadata in one: a topic is known after so many updates."""

    known_after: dict[str, int]
    updates: int = 0

    @property
    def cluster(self) -> "Client":
        return self

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return {0, 1} if self.updates >= self.known_after[topic] else None

    async def force_metadata_update(self) -> bool:
        self.updates += 1
        return True


async def test_topics_a_new_broker_does_not_know_yet_are_asked_for_until_it_does() -> None:
    client = Client({"one": 0, "other": 3})
    await until_known(client, ["one", "other"])
    assert client.updates == 3


async def test_topics_that_are_known_cost_no_request() -> None:
    client = Client({"one": 0})
    await until_known(client, ["one"])
    assert client.updates == 0


async def test_a_topic_that_is_gone_ends_the_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_thread, "METADATA_TIMEOUT", 0.2)
    with pytest.raises(UnknownTopicOrPartitionError, match="gone"):
        await until_known(Client({"gone": 10**9, "there": 0}), ["gone", "there"])
