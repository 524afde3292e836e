"""How clients reach Kafka: Kafka's own property names in, client arguments out, secrets never shown."""

import ssl
from pathlib import Path

import pytest
import trustme
from aiokafka import AIOKafkaProducer
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
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

    with pytest.raises(KafkaPropertyError, match=r"truststore\.location \S+/ca: .*readable PEM files"):
        KafkaConnection("one:9093", properties).aiokafka()


def encrypted(key: bytes, password: str) -> str:
    form = BestAvailableEncryption(password.encode())
    return load_pem_private_key(key, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, form).decode()


def text_keystore(key: str, chain: str, **others: str) -> KafkaConnection:
    properties = {"security.protocol": "SSL", "ssl.keystore.key": key, "ssl.keystore.certificate.chain": chain}
    return KafkaConnection("one:9093", properties | others)


def test_a_client_certificate_may_be_given_as_text() -> None:
    """As Kubernetes and Java clients hand it over, where there is no file. Its key is a secret."""
    issued = trustme.CA().issue_cert("client.example")
    key, chain = issued.private_key_pem.bytes().decode(), issued.cert_chain_pems[0].bytes().decode()
    plain = text_keystore(key, chain)
    with_password = text_keystore(encrypted(key.encode(), "0pen"), chain, **{"ssl.key.password": "0pen"})

    assert isinstance(plain.aiokafka()["ssl_context"], ssl.SSLContext)
    assert isinstance(with_password.aiokafka()["ssl_context"], ssl.SSLContext)
    assert "PRIVATE KEY" not in repr(plain)
    assert "0pen" not in repr(with_password)


def test_a_key_that_does_not_fit_is_refused_and_not_shown() -> None:
    """And a key with a password that nobody gave is not asked for on the terminal."""
    authority = trustme.CA()
    one, other = (authority.issue_cert(f"{name}.example") for name in ("one", "other"))
    chain, keys = one.cert_chain_pems[0].bytes().decode(), (one.private_key_pem, other.private_key_pem)
    for key in (keys[1].bytes().decode(), encrypted(keys[0].bytes(), "0pen"), "no key"):
        with pytest.raises(KafkaPropertyError, match=r"ssl\.key\.password") as raised:
            text_keystore(key, chain).aiokafka()
        assert "PRIVATE KEY" not in str(raised.value)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"sasl.mechanisms": "PLAIN"}, r"no Kafka property 'sasl\.mechanisms'; did you mean 'sasl\.mechanism'\?"),
        ({"security.protocol": "TLS"}, r"security\.protocol is 'TLS'; expected 'PLAINTEXT' or 'SSL' or"),
        ({"security.protocol": "SASL_SSL", "sasl.username": "hub"}, "no user name or no password"),
        ({"security.protocol": "SSL", "ssl.keystore.key": "PEM"}, r"certificate\.chain belong together; set both"),
    ],
)
def test_a_mistake_in_a_property_is_explained(properties: dict[str, str], message: str) -> None:
    with pytest.raises(KafkaPropertyError, match=message):
        KafkaConnection("one:9092", properties)
