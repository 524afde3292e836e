"""What the embedded Kafka says about its settings: a misspelt property would only be a line in its log."""

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from hub.log.connection import KafkaConnection
from hub.log.embedded.ports import LOOPBACK, Ports
from hub.log.embedded.properties import server_properties

PORTS = Ports(broker=9092, controller=9093)


def written(*, fsync: bool) -> dict[str, str]:
    lines = server_properties(PORTS, fsync=fsync).splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_kafka_takes_every_setting(kafka: KafkaConnection) -> None:
    admin = KafkaAdminClient(**kafka.kafka_python())
    try:
        every_key = ConfigResource(ConfigResourceType.BROKER, "1", configs=None)
        in_force = admin.describe_configs([every_key], config_filter="all")["broker"]["1"]
    finally:
        admin.close()

    for name, value in written(fsync=True).items():
        assert name in in_force, f"Kafka has no setting {name}"
        if name not in {"controller.quorum.voters", "listeners", "advertised.listeners", "log.flush.interval.messages"}:
            assert in_force[name]["value"] == value, name


def test_fsync_flushes_every_record() -> None:
    assert written(fsync=True).items() - written(fsync=False).items() == {("log.flush.interval.messages", "1")}


def test_kafka_listens_on_loopback_only() -> None:
    for name in ("listeners", "advertised.listeners"):
        addresses = [listener.partition("://")[2] for listener in written(fsync=False)[name].split(",")]
        assert {address.rpartition(":")[0] for address in addresses} == {LOOPBACK}
