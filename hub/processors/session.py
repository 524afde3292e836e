"""How long the brokers let a silent worker keep its partitions, at the least."""

import logging

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from hub.log.admin_client import KafkaUnavailableError, LogAdminError, admin_client
from hub.log.connection import KafkaConnection

_log = logging.getLogger(__name__)

_SHORTEST = 3.0  # seconds; with less, a pause of a busy machine looks like a death
_ALWAYS_ALLOWED = 6.0  # Kafka's default of group.min.session.timeout.ms
_SETTING = "group.min.session.timeout.ms"


def session_timeout(connection: KafkaConnection) -> float:
    """The shortest session, in seconds, that every broker allows: a killed worker's partitions rest that long.

    A session that is too short for the broker would keep the worker out of its group for good. Where the cluster does
    not tell, this is what Kafka allows unless configured otherwise. Blocks; run it in a thread.
    """
    try:
        with admin_client(connection, timeout=10.0) as client:
            brokers = [str(broker["broker_id"]) for broker in client.describe_cluster()["brokers"]]
            asked = [ConfigResource(ConfigResourceType.BROKER, broker, {_SETTING: None}) for broker in brokers]
            answer = client.describe_configs(asked, config_filter="all")["broker"]
        least = max(int(answer[broker][_SETTING]["value"]) for broker in brokers) / 1000
    except (KafkaUnavailableError, LogAdminError, KafkaError, KeyError, TypeError, ValueError) as error:
        _log.info("the cluster does not tell its shortest session", extra={"error": repr(error)})
        return _ALWAYS_ALLOWED
    return max(_SHORTEST, least)
