"""Makes Faust apps: one per consumer group, all with the same settings and the safe transport."""

from typing import Any

import faust
from faust.types.auth import SASLMechanism

from hub.log.connection import KafkaConnection
from hub.processors.transport import install
from hub.processors.window import Limits

REBALANCE_TIMEOUT = 10.0  # seconds; twice what a drain on revoke takes, and more


class _App(faust.App):
    def _create_directories(self) -> None:
        """Stock makes three folders for tables, which we have none of, in the folder the hub was started from."""


def make_app(
    group: str, connection: KafkaConnection, limits: Limits | None = None, *, session_timeout: float = 6.0
) -> Any:
    """A Faust app that is the consumer group ``group``. Call inside the running loop; it can be started once.

    The topics of its agents must exist when it starts: one that is made later is not noticed for minutes.
    ``session_timeout`` (seconds) is how long a killed worker's partitions rest; the broker must allow it
    (``group.min.session.timeout.ms``, 6000 unless told otherwise), or the app never joins its group.
    """
    limits = limits or Limits()
    assert limits.revoke * 2 < REBALANCE_TIMEOUT, "a drain longer than that gets the member expelled"
    app = _App(
        group,
        broker=[f"kafka://{server}" for server in connection.servers],
        broker_client_id=group,
        broker_credentials=credentials(connection),
        key_serializer="raw",
        value_serializer="raw",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        set_as_current=False,
        autodiscover=False,
        broker_session_timeout=session_timeout,
        broker_heartbeat_interval=0.5,
        broker_rebalance_timeout=REBALANCE_TIMEOUT,
        broker_request_timeout=20.0,
        broker_commit_interval=0.5,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=True,
    )
    install(app, limits, connection.cluster_id)
    return app


def credentials(connection: KafkaConnection) -> Any:
    """What Faust calls broker credentials, from Kafka's own properties; None for a plain connection."""
    arguments = connection.aiokafka()
    protocol = arguments["security_protocol"]
    if protocol.startswith("SASL_"):
        return faust.SASLCredentials(
            username=arguments["sasl_plain_username"],
            password=arguments["sasl_plain_password"],
            mechanism=SASLMechanism(arguments["sasl_mechanism"]),
            ssl_context=arguments.get("ssl_context"),
        )
    if protocol == "SSL":
        return faust.SSLCredentials(arguments["ssl_context"])
    return None
