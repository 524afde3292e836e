"""``hub topics --commands``: what an administrator runs where the hub may not create topics itself."""

import shlex
from collections.abc import Iterable, Iterator

from hub.log.topics import Topics, TopicSpec

_RIGHTS = ("Read", "Write", "Describe", "DescribeConfigs", "Delete")
"""On the hub's topics. ``Delete`` is for DeleteRecords, which empties them behind committed work."""


def administrator_commands(topics: Topics, specs: Iterable[TopicSpec], bootstrap: str, principal: str) -> Iterator[str]:
    """Lines for a shell: Kafka's own scripts, from its ``bin`` folder. Safe to run twice."""
    server = ["--bootstrap-server", bootstrap]
    for spec in specs:
        configs = [word for key, value in spec.configs.items() for word in ("--config", f"{key}={value}")]
        yield shlex.join(
            [
                "kafka-topics.sh",
                *server,
                *("--create", "--if-not-exists", "--topic", spec.name),
                *("--partitions", str(spec.partitions), "--replication-factor", str(spec.replication)),
                *configs,
            ]
        )
    add = ["kafka-acls.sh", *server, "--add", "--allow-principal", principal]
    rights = [word for right in _RIGHTS for word in ("--operation", right)]
    prefixed = [*add, "--resource-pattern-type", "prefixed"]
    yield shlex.join([*prefixed, *rights, "--topic", f"{topics.hub}."])
    yield shlex.join([*prefixed, "--operation", "Read", "--operation", "Describe", "--group", f"{topics.hub}."])
    # Whoever applies a configuration fences others who do at the same time.
    transactional = ["--transactional-id", topics.config]
    yield shlex.join([*add, "--operation", "Write", "--operation", "Describe", *transactional])
    # Workers ask how short a session the brokers allow; told nothing, they take over after six seconds, not three.
    yield shlex.join([*add, "--operation", "DescribeConfigs", "--cluster"])
