"""Fixtures every test may ask for. Kafka starts when the first test does."""

import uuid
from collections.abc import Iterator

import pytest

from hub.log.connection import KafkaConnection
from hub.log.embedded import EmbeddedBroker
from hub.log.topics import Topics
from tests.fixtures.ports import broker_ports

pytest_plugins = ["tests.fixtures.postgres", "tests.fixtures.s3"]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaConnection]:
    """A real broker of this test session, on a port of its own."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka"), ports=broker_ports(), train=False) as broker:
        yield broker.start()


@pytest.fixture
def topics() -> Topics:
    """Names that no other test uses; nothing is created."""
    return Topics(f"test-{uuid.uuid4().hex[:12]}")
