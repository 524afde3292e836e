"""``server.properties`` of the one node."""

from hub.log.embedded.ports import LOOPBACK, Ports

DATA = "data"


def server_properties(ports: Ports, *, fsync: bool, data: str = DATA) -> str:
    """The whole file. ``fsync`` flushes every record to the disk before it is acknowledged."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{LOOPBACK}:{ports.controller}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        # Loopback only: there is no authentication.
        "listeners": f"PLAINTEXT://{LOOPBACK}:{ports.broker},CONTROLLER://{LOOPBACK}:{ports.controller}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{ports.broker}",
        # Relative to the process: a path with a comma would be two folders.
        "log.dirs": data,
        # A typo in a consumer must not make a topic with the wrong number of partitions.
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 4,
        # Default: an idle group's offsets vanish after 7 days, and it starts over from the beginning.
        "offsets.retention.minutes": 2147483647,
        # Default: 3 s more for the first member of every group.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # Default 9000: for so long a broker killed with -9 is not let in again.
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        # A restart after kill -9 reads the open segments again.
        "log.segment.bytes": 128 * 1024 * 1024,
        # Kafka notes down twice a second that it lives, and each commit of each group: with the defaults (1 GB and
        # 100 MB of a segment, of which the last is neither deleted nor compacted) that grows for weeks.
        "metadata.log.segment.bytes": 16 * 1024 * 1024,
        "metadata.max.retention.bytes": 32 * 1024 * 1024,
        "offsets.topic.segment.bytes": 16 * 1024 * 1024,
        "transaction.state.log.segment.bytes": 16 * 1024 * 1024,
        # Default 10 MB, sparse, four per open partition: what `du --apparent-size` and copies of the folder see.
        "log.index.size.max.bytes": 1024 * 1024,
        # Default 128 MB of heap, for compacting what here are a few kilobytes of offsets.
        "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
    }
    if fsync:
        settings["log.flush.interval.messages"] = 1
    return "".join(f"{name}={value}\n" for name, value in settings.items())
