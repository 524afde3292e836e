"""What people write for ``type: kafka``, and in a route's ``with``."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connectors.api import DestinationConfig, Duration, Options, Template

_TOPIC = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")
_SERVERS = re.compile(r"[^\s,]+:\d{1,5}(,[^\s,]+:\d{1,5})*")


def is_fixed(template: Template) -> bool:
    """Whether it comes to the same for every event."""
    return "{" not in template.source


def _topic_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not _TOPIC.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a topic: at most 249 of A-Z a-z 0-9 . _ -")
    return names


def _topic(template: Template | None) -> Template | None:
    if template is not None and is_fixed(template):
        _topic_names((template.source,))
    return template


def _servers(servers: str | None) -> str | None:
    if servers is not None and not _SERVERS.fullmatch(servers):
        raise ValueError("not addresses; write host:port, several with commas")
    return servers


class KafkaConfig(DestinationConfig):
    """Options of ``type: kafka``."""

    topic: Annotated[Template, AfterValidator(_topic)] = Field(
        description="Where to write, a template such as `jobs.{{ endpoint }}`; what it comes to must be in `topics`."
    )
    topics: Annotated[tuple[str, ...], AfterValidator(_topic_names)] = Field(
        (),
        description="Every name that `topic` may come to, here and in routes. A name without braces need not be here.",
    )
    key: Template | None = Field(
        None,
        description="Key of the records, a template. Without: the event's subject, or else its id, so that each "
        "subject stays in order.",
    )
    create: bool = Field(default=True, description="Make topics that do not exist.")
    partitions: int = Field(8, ge=1, le=10_000, description="Partitions of topics that are made.")
    replication: int | None = Field(
        None, ge=1, le=9, description="Copies of topics that are made; as the brokers have it unless given."
    )
    bootstrap_servers: Annotated[str | None, AfterValidator(_servers)] = Field(
        None, description="Another Kafka cluster than the hub's own, `host:port`, several with commas."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How that cluster is reached."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How `username` and `password` are checked."
    )
    username: str | None = Field(None, description="User, for SASL.")
    password: SecretStr | None = Field(None, description="Password of the user.")
    ca_file: Path | None = Field(
        None, description="PEM file of authorities to trust, for SSL; those of the system unless given."
    )
    cert_file: Path | None = Field(None, description="PEM file with a client certificate and its chain, for SSL.")
    key_file: Path | None = Field(None, description="PEM file with the key of that certificate.")
    request_timeout: Duration = Field(
        timedelta(seconds=20),
        gt=timedelta(0),
        description="How long a record may take to be acknowledged. Keep it under the destination's `timeout`.",
    )

    @model_validator(mode="after")
    def _complete(self) -> "KafkaConfig":
        if not is_fixed(self.topic) and not self.topics:
            raise ValueError("`topic` depends on the event: list in `topics` every name that it may come to")
        if self.security_protocol.startswith("SASL_") and (self.username is None or self.password is None):
            raise ValueError(f"security_protocol {self.security_protocol} needs `username` and `password`")
        if self.bootstrap_servers is None and self.security_protocol != "PLAINTEXT":
            raise ValueError("the hub's own Kafka is reached as the hub reaches it; name another in bootstrap_servers")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("`cert_file` and `key_file` belong together; write both")
        return self

    @property
    def allowed(self) -> frozenset[str]:
        """Every topic that may be written to by it."""
        return frozenset({*self.topics, self.topic.source} if is_fixed(self.topic) else self.topics)


class KafkaOptions(Options):
    """What a route may set with ``with``."""

    topic: Annotated[Template | None, AfterValidator(_topic)] = Field(
        None, description="Topic of this route, a template; else the destination's. It must be in `topics`."
    )
    key: Template | None = Field(None, description="Key of this route's records, a template.")
