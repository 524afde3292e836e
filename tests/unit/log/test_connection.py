"""How clients reach Kafka: Kafka's own property names in, client arguments out, secrets never shown."""

import ssl
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaAdminClient

from hub.log.connection import KafkaConnection, KafkaPropertyError

SCRAM = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": "hub",
    "sasl.password": "s3cret",
}


def test_both_clients_take_the_arguments() -> None:
    connection = KafkaConnection("one:9092, two:9092", SCRAM)

    assert connection.aiokafka() == {
        "bootstrap_servers": ["one:9092", "two:9092"],
        "client_id": "hub",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "hub",
        "sasl_plain_password": "s3cret",
    }
    assert set(connection.kafka_python()) <= set(KafkaAdminClient.DEFAULT_CONFIG)


async def test_aiokafka_accepts_the_arguments() -> None:
    producer = AIOKafkaProducer(**KafkaConnection("one:9092", SCRAM).aiokafka())
    await producer.stop()


def test_a_jaas_line_as_java_clients_take_it_works() -> None:
    line = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="hub" password="s3=cret";'
    connection = KafkaConnection("one:9092", {"security.protocol": "SASL_SSL", "sasl.jaas.config": line})

    assert connection.aiokafka()["sasl_plain_username"] == "hub"
    assert connection.aiokafka()["sasl_plain_password"] == "s3=cret"
    assert "s3=cret" not in repr(connection)


def test_secrets_are_not_shown() -> None:
    shown = repr(KafkaConnection("one:9092", SCRAM))

    assert "s3cret" not in shown
    assert "SCRAM-SHA-512" in shown


def test_tls_verifies_the_broker_unless_told_otherwise() -> None:
    safe = KafkaConnection("one:9093", {"security.protocol": "SSL"}).aiokafka()["ssl_context"]
    any_name = KafkaConnection("one:9093", {"security.protocol": "SSL", "ssl.endpoint.identification.algorithm": ""})

    assert (safe.verify_mode, safe.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert any_name.aiokafka()["ssl_context"].check_hostname is False
    assert any_name.aiokafka()["ssl_context"].verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("content", [None, b"\xfe\xed\xfe\xed a Java key store"], ids=["missing", "JKS"])
def test_a_certificate_file_that_cannot_be_used_says_what_is_expected(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "ca").write_bytes(content)
    properties = {"security.protocol": "SSL", "ssl.truststore.location": str(tmp_path / "ca")}

    with pytest.raises(KafkaPropertyError, match="readable PEM files"):
        KafkaConnection("one:9093", properties).aiokafka()


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"sasl.mechanisms": "PLAIN"}, r"no Kafka property 'sasl\.mechanisms'; did you mean 'sasl\.mechanism'\?"),
        ({"security.protocol": "TLS"}, r"security\.protocol is 'TLS'; expected 'PLAINTEXT' or 'SSL' or"),
        ({"security.protocol": "SASL_SSL", "sasl.username": "hub"}, "no user name or no password"),
    ],
)
def test_a_mistake_in_a_property_is_explained(properties: dict[str, str], message: str) -> None:
    with pytest.raises(KafkaPropertyError, match=message):
        KafkaConnection("one:9092", properties)
