"""A cluster where an administrator makes the topics, and the hub has the rights that `hub topics --commands` names."""

import argparse
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from hub.log.admin_client import LogAdminError, admin_client
from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from hub.processors.session import session_timeout
from tests.e2e.test_kafka_security import DESTINATIONS, ROUTES, everything_works, with_password_alone
from tests.fixtures.kafka_cluster import USER, Cluster
from tests.fixtures.project import Project

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    node = Cluster(tmp_path_factory.mktemp("guarded") / "nodes", 1, secure=True, guarded=True)
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.fixture
def hub(guarded: Cluster, topics: Topics, tmp_path: Path) -> Project:
    return Project(tmp_path, with_password_alone(guarded), topics, DESTINATIONS, ROUTES, manages_topics=False)


def test_with_the_rights_and_topics_of_the_printed_commands_everything_works(guarded: Cluster, hub: Project) -> None:
    result = hub("topics", "--commands", "--principal", f"User:{USER}")
    run(guarded.connection, result.stdout.splitlines())
    everything_works(hub)
    assert session_timeout(hub.kafka) == 3.0, "it may not ask for the shortest session"
    assert hub.topics.deliveries("db") in hub.admin.delete_finished(kept=timedelta(0))


def test_without_them_it_says_what_an_administrator_must_do_and_makes_nothing(guarded: Cluster, hub: Project) -> None:
    """What one may not see is not there."""
    for service in ("worker", "ingress"):
        process = hub.start(service)
        assert process.wait(60) == 1
        assert "an administrator must run what `hub topics --commands` prints" in hub.log()
    assert "give the hub the rights that `hub topics --commands` prints" in hub("topics", code=1).stderr
    with admin_client(guarded.connection, 10.0) as client:
        assert not [name for name in client.list_topics() if name.startswith(hub.topics.hub)]


def test_another_hub_on_the_cluster_is_out_of_reach(guarded: Cluster, hub: Project, topics: Topics) -> None:
    """Rights end with the hub's name and the dot after it."""
    other = Topics(f"{topics.hub}2")
    with admin_client(guarded.connection, 10.0) as client:
        client.create_topics({other.events: {"num_partitions": 1, "replication_factor": 1}})
    run(guarded.connection, hub("topics", "--commands", "--principal", f"User:{USER}").stdout.splitlines())
    with admin_client(hub.kafka, 10.0) as client:
        assert topics.events in client.list_topics()
        assert other.events not in client.list_topics()
    with pytest.raises(LogAdminError), admin_client(hub.kafka, 10.0) as client:
        client.create_topics({f"{topics.hub}.new": {"num_partitions": 1, "replication_factor": 1}})


# -- Kafka's own scripts, as far as the commands use them


def run(administrator: KafkaConnection, commands: list[str]) -> None:
    """Do what the scripts would; anything that they would not understand is an error."""
    with admin_client(administrator, 10.0) as client:
        for line in commands:
            script, *words = shlex.split(line)
            {"kafka-topics.sh": kafka_topics, "kafka-acls.sh": kafka_acls}[script](client, words)
        client.wait_for_topics([name for name in client.list_topics() if not name.startswith("__")])


def kafka_topics(client: KafkaAdminClient, words: list[str]) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    for name in ("--bootstrap-server", "--topic"):
        parser.add_argument(name, required=True)
    for name in ("--partitions", "--replication-factor"):
        parser.add_argument(name, required=True, type=int)
    for name in ("--create", "--if-not-exists"):
        parser.add_argument(name, action="store_true", required=True)
    parser.add_argument("--config", action="append", default=[])
    given = parser.parse_args(words)
    configs = dict(each.split("=", 1) for each in given.config)
    topic = {"num_partitions": given.partitions, "replication_factor": given.replication_factor, "configs": configs}
    client.create_topics({given.topic: topic})


def kafka_acls(client: KafkaAdminClient, words: list[str]) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    for name in ("--bootstrap-server", "--allow-principal"):
        parser.add_argument(name, required=True)
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--operation", action="append", required=True)
    parser.add_argument("--resource-pattern-type", default="literal")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--topic")
    where.add_argument("--group")
    where.add_argument("--transactional-id")
    where.add_argument("--cluster", action="store_true")
    given = parser.parse_args(words)
    kind, name = (
        (ResourceType.TOPIC, given.topic)
        if given.topic
        else (ResourceType.GROUP, given.group)
        if given.group
        else (ResourceType.TRANSACTIONAL_ID, given.transactional_id)
        if given.transactional_id
        else (ResourceType.CLUSTER, "kafka-cluster")
    )
    pattern = ResourcePattern(kind, name, ACLResourcePatternType[given.resource_pattern_type.upper()])
    operations = [ACLOperation[_upper(each)] for each in given.operation]
    wanted = [ACL(given.allow_principal, "*", each, ACLPermissionType.ALLOW, pattern) for each in operations]
    assert not client.create_acls(wanted)["failed"]


def _upper(operation: str) -> str:
    """``DescribeConfigs`` is ``DESCRIBE_CONFIGS``."""
    return "".join(f"_{each}" if each.isupper() and at else each for at, each in enumerate(operation)).upper()
