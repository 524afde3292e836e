"""How to reach a Kafka cluster, translated into what each client library wants to hear."""

import difflib
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from hub.log.certificates import ssl_context

_SECRET = frozenset({"sasl.password", "sasl.jaas.config", "ssl.key.password", "ssl.keystore.key"})

PROPERTIES: Mapping[str, str] = MappingProxyType(
    {
        "security.protocol": "PLAINTEXT (default), SSL, SASL_PLAINTEXT or SASL_SSL",
        "sasl.mechanism": "PLAIN (default), SCRAM-SHA-256 or SCRAM-SHA-512",
        "sasl.username": "user name, unless sasl.jaas.config has it",
        "sasl.password": "password, unless sasl.jaas.config has it",
        "sasl.jaas.config": 'as Java clients take it: …LoginModule required username="…" password="…";',
        "ssl.truststore.location": "PEM file with the certificate authorities to trust (default: the system's)",
        "ssl.truststore.certificates": "the same as PEM text",
        "ssl.truststore.type": "PEM, the only one there is",
        "ssl.keystore.location": "PEM file with this client's certificate chain and private key",
        "ssl.keystore.certificate.chain": "that certificate chain as PEM text, with ssl.keystore.key",
        "ssl.keystore.key": "its private key as PEM text",
        "ssl.keystore.type": "PEM, the only one there is",
        "ssl.key.password": "password of that private key",
        "ssl.endpoint.identification.algorithm": "https (default), or empty to accept any host name",
    }
)
"""Client properties the hub understands. In the environment: ``HUB_KAFKA_SASL_MECHANISM`` …"""

_CHOICES = {
    "security.protocol": ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    "sasl.mechanism": ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
    "ssl.truststore.type": ("PEM",),
    "ssl.keystore.type": ("PEM",),
    "ssl.endpoint.identification.algorithm": ("https", ""),
}


class KafkaPropertyError(ValueError):
    """A Kafka property the hub does not know, or a value it cannot use. The message never holds a secret."""


@dataclass(frozen=True)
class KafkaConnection:
    """Address and security of one cluster. Immutable, cheap, safe to share and to send to another process.

    Args:
        bootstrap: ``host:port[,host:port]``.
        properties: Kafka's own property names, one of `PROPERTIES`.
        client_id: how the brokers' logs and quotas name us.
        cluster_id: the cluster that must answer there (see `hub.log.cluster_guard`); None: any.

    Raises:
        KafkaPropertyError: on construction, for a property or value that is not understood.
    """

    bootstrap: str
    properties: Mapping[str, str] = field(default_factory=dict)
    client_id: str = "hub"
    cluster_id: str | None = None

    def __post_init__(self) -> None:
        for name, value in self.properties.items():
            _check(name, value)
        if ("ssl.keystore.key" in self.properties) != ("ssl.keystore.certificate.chain" in self.properties):
            raise KafkaPropertyError("ssl.keystore.key and ssl.keystore.certificate.chain belong together; set both")
        if self.security_protocol.startswith("SASL_") and None in self._credentials():
            raise KafkaPropertyError(
                f"security.protocol is {self.security_protocol} but there is no user name or no password; "
                "set sasl.username and sasl.password, or sasl.jaas.config"
            )

    def __repr__(self) -> str:
        shown = {name: "***" if name in _SECRET else value for name, value in self.properties.items()}
        return f"KafkaConnection({self.bootstrap!r}, properties={shown!r}, client_id={self.client_id!r})"

    @property
    def servers(self) -> list[str]:
        return [server.strip() for server in self.bootstrap.split(",") if server.strip()]

    @property
    def security_protocol(self) -> str:
        return self.properties.get("security.protocol", "PLAINTEXT").upper()

    def aiokafka(self) -> dict[str, Any]:
        """Keyword arguments for ``AIOKafkaProducer`` and ``AIOKafkaConsumer``. Reads certificate files, if any."""
        return self._arguments()

    def kafka_python(self) -> dict[str, Any]:
        """Keyword arguments for kafka-python's admin client and consumer. Reads certificate files, if any."""
        return self._arguments()

    def _arguments(self) -> dict[str, Any]:
        """Both libraries descend from one and still agree on these names."""
        protocol = self.security_protocol
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "client_id": self.client_id,
            "security_protocol": protocol,
        }
        if protocol.endswith("SSL"):
            arguments["ssl_context"] = self._ssl_context()
        if protocol.startswith("SASL_"):
            user, password = self._credentials()
            arguments["sasl_mechanism"] = self.properties.get("sasl.mechanism", "PLAIN").upper()
            arguments["sasl_plain_username"] = user
            arguments["sasl_plain_password"] = password
        return arguments

    def _credentials(self) -> tuple[str | None, str | None]:
        jaas = dict(re.findall(r'(username|password)\s*=\s*"([^"]*)"', self.properties.get("sasl.jaas.config", "")))
        return (
            self.properties.get("sasl.username", jaas.get("username")),
            self.properties.get("sasl.password", jaas.get("password")),
        )

    def _ssl_context(self) -> ssl.SSLContext:
        try:
            return ssl_context(self.properties)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            files = ", ".join(f"{name} {value}" for name, value in self.properties.items() if name.endswith("location"))
            raise KafkaPropertyError(
                f"cannot use the certificates of {files or 'ssl.truststore.* and ssl.keystore.*'}: {error}; they must "
                "be readable PEM files or text (convert a JKS or PKCS#12 store with keytool and openssl), and "
                "ssl.key.password that of the key"
            ) from error


def _check(name: str, value: str) -> None:
    if name not in PROPERTIES:
        close = difflib.get_close_matches(name, PROPERTIES, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise KafkaPropertyError(f"the hub has no Kafka property {name!r}{hint} (there are: {', '.join(PROPERTIES)})")
    choices = _CHOICES.get(name)
    if choices and value.upper() not in {choice.upper() for choice in choices}:
        raise KafkaPropertyError(
            f"Kafka property {name} is {value!r}; expected {' or '.join(repr(choice) for choice in choices)}"
        )
