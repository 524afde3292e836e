"""Makes sure that whoever answers at an address is still the same cluster.

A broker that died leaves its port to anybody. Where another hub's Kafka takes it, with topics of the same names, a
client that comes back would write events into a stranger's log, have them acknowledged, and join the stranger's groups.
Only an embedded broker's address can be taken so; a cluster that was named by ``HUB_KAFKA`` is not asked who it is.
"""

import logging
from typing import Any
from weakref import WeakSet

from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

_log = logging.getLogger(__name__)


def guard(client: Any, cluster_id: str | None) -> None:
    """Let an aiokafka client use no connection to a cluster with another id. Before it is started; None: any cluster.

    A connection that is refused looks to it like one that cannot be made: what waits for it goes on waiting.
    """
    if cluster_id is None:
        return
    known: WeakSet[Any] = WeakSet()
    connect = client._get_conn  # noqa: SLF001  (the pinned aiokafka has no hook for a new connection)

    async def guarded(node_id: Any, **options: Any) -> Any:
        connection = await connect(node_id, **options)
        if connection is None or connection in known:
            return connection
        try:
            answer = await connection.send(MetadataRequest([]))
        except (KafkaError, OSError, TimeoutError):
            return None
        if answer.cluster_id != cluster_id:
            connection.close()
            where = {"host": connection.host, "port": connection.port, "cluster": answer.cluster_id}
            _log.error("another Kafka has taken the address of ours, it is not used", extra=where)
            return None
        known.add(connection)
        return connection

    client._get_conn = guarded  # noqa: SLF001
