"""Makes the hub's topics as they must be; or, where that is an administrator's task, says what is wrong with them."""

import math
from collections.abc import Mapping, Sequence

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from hub.log.admin_client import TopicCreationError, TopicMismatchError, TopicMissingError, TopicSettingError
from hub.log.topics import Layout, TopicSpec

_TOPIC_ALREADY_EXISTS = 36

_EXACT = frozenset({"cleanup.policy", "message.timestamp.type"})
_AT_LEAST = frozenset({"retention.ms", "retention.bytes", "max.message.bytes", "min.insync.replicas"})
_AT_MOST = frozenset({"flush.messages"})
"""What the promises rest on. The other settings are the administrator's choice."""

_UNLIMITED = "-1"
_SHOWN = 5  # complaints


def replicas_of(client: KafkaAdminClient, names: Sequence[str]) -> dict[str, dict[int, list[int]]]:
    """Topic → partition → nodes, for the topics that exist."""
    return {
        topic["name"]: {one["partition_index"]: one["replica_nodes"] for one in topic["partitions"]}
        for topic in client.describe_topics(list(names))
        if topic["partitions"]
    }


def check_partitions(client: KafkaAdminClient, specs: Mapping[str, TopicSpec], layout: Layout) -> frozenset[str]:
    """The topics that exist.

    Raises:
        TopicMismatchError
    """
    existing = {name: len(found) for name, found in replicas_of(client, list(specs)).items()}
    wrong = [
        f"{name} has {existing[name]}"
        for name, spec in specs.items()
        if name in existing and existing[name] != spec.partitions
    ]
    if wrong:
        found = ", ".join(wrong[:3]) + (f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else "")
        raise TopicMismatchError(
            f"log.partitions is {layout.settings.partitions}, but {found}. The number is fixed when a topic "
            "is created: with another one, events of one subject would change partition and lose their order. Set "
            "log.partitions to what the topics have; or give the hub another `name` to start with new topics; or "
            f"stop it and delete the topics that begin with {layout.topics.hub}. and all that is in them"
        )
    return frozenset(existing)


def create(client: KafkaAdminClient, specs: Sequence[TopicSpec]) -> list[str]:
    """Create topics; returns the names of those that nobody else created meanwhile.

    Raises:
        TopicCreationError
    """
    wanted = {
        spec.name: {
            "num_partitions": spec.partitions,
            "replication_factor": spec.replication,
            "configs": dict(spec.configs),
        }
        for spec in specs
    }
    if not wanted:
        return []
    answers = client.create_topics(wanted, raise_errors=False)["topics"]
    refused = [answer for answer in answers if answer["error_code"] not in {0, _TOPIC_ALREADY_EXISTS}]
    if refused:
        reasons = "; ".join(f"{answer['name']}: {answer['error_message']}" for answer in refused)
        raise TopicCreationError(
            f"Kafka refuses to create {reasons}. Check log.replication (at most as many as there are brokers) and the "
            "hub's rights, or let an administrator create the topics: `hub topics --commands` prints how"
        )
    client.wait_for_topics(list(wanted))
    return [answer["name"] for answer in answers if answer["error_code"] == 0]


def update(client: KafkaAdminClient, specs: Mapping[str, TopicSpec]) -> None:
    """Set what differs. A cluster that does not let us is asked only when something does."""
    changes = []
    for name, current in _settings(client, specs).items():
        wanted = dict(specs[name].configs)
        if int(current.get("max.message.bytes") or 0) > int(wanted["max.message.bytes"]):
            del wanted["max.message.bytes"]
        if different := {key: value for key, value in wanted.items() if current.get(key) != value}:
            changes.append(ConfigResource(ConfigResourceType.TOPIC, name, different))
    if changes:
        client.alter_configs(changes)


def require(client: KafkaAdminClient, specs: Mapping[str, TopicSpec], layout: Layout) -> None:
    """Change nothing.

    Raises:
        TopicMismatchError, TopicMissingError, TopicSettingError: what an administrator must do.
    """
    existing = check_partitions(client, specs, layout)
    if missing := [name for name in specs if name not in existing]:
        raise TopicMissingError(
            f"there is no topic {_few(missing, ', ')}, and log.manage_topics is off: an administrator must run what "
            "`hub topics --commands` prints"
        )
    replicas = replicas_of(client, list(specs))
    wrong = [
        f"{name} has {copies} copies of each record, log.replication is {spec.replication}"
        for name, spec in specs.items()
        if (copies := min((len(nodes) for nodes in replicas.get(name, {}).values()), default=0)) < spec.replication
    ]
    for name, current in _settings(client, specs).items():
        wrong += [
            f"{name} has {key}={current.get(key)}, it must be {_bound(key)}{value}"
            for key, value in specs[name].configs.items()
            if not _will_do(key, current.get(key) or "", value)
        ]
    if wrong:
        raise TopicSettingError(
            f"{_few(wrong, '; ')}. log.manage_topics is off: let an administrator set it, with kafka-configs.sh "
            "--alter --entity-type topics --entity-name TOPIC --add-config SETTING=VALUE (copies: with "
            "kafka-reassign-partitions.sh)"
        )


def _settings(client: KafkaAdminClient, specs: Mapping[str, TopicSpec]) -> dict[str, dict[str, str]]:
    """Topic → setting → value, as they are."""
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(spec.configs)) for name, spec in specs.items()
    ]
    found = client.describe_configs(resources, config_filter="all").get("topic", {})
    return {name: {key: data["value"] for key, data in found.get(name, {}).items()} for name in specs}


def _will_do(key: str, value: str, wanted: str) -> bool:
    if key in _EXACT:
        return set(value.split(",")) == set(wanted.split(","))
    if key in _AT_LEAST:
        return _amount(value) >= _amount(wanted)
    return key not in _AT_MOST or _amount(value) <= _amount(wanted)


def _amount(value: str) -> float:
    return math.inf if value == _UNLIMITED else float(value or "nan")


def _bound(key: str) -> str:
    return "at least " if key in _AT_LEAST else "at most " if key in _AT_MOST else ""


def _few(complaints: Sequence[str], between: str) -> str:
    more = len(complaints) - _SHOWN
    return between.join(complaints[:_SHOWN]) + (f" (and {more} more)" if more > 0 else "")
