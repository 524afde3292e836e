"""What the pinned aiokafka does badly with its connections, mended: it has no setting for any of it."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer

from hub.log.bootstrap import begin_with_who_answers
from hub.log.cluster_guard import guard
from hub.log.connection import KafkaConnection

_GRACE = 0.2  # seconds


def mend(client: Any, cluster_id: str | None) -> None:
    """Before an aiokafka client is started: `begin_with_who_answers`, `guard`, `end_in_time`."""
    begin_with_who_answers(client)
    guard(client, cluster_id)
    end_in_time(client)


def end_in_time(client: Any) -> None:
    """Let its connections end soon after it is closed, also if nobody at the other end says goodbye.

    Stock waits for that, and TLS for half a minute: a broker that is about to answer a fetch does not look at the
    connection before it has, and then uvloop takes the answer for a fault.
    """
    close = client.close

    async def close_in_time() -> None:
        writers = [connection._writer for connection in client._conns.values()]  # noqa: SLF001  (pinned)
        closing = asyncio.ensure_future(close())
        try:
            await asyncio.wait({closing}, timeout=_GRACE)
        finally:
            for writer in writers:
                if writer is not None:
                    writer.transport.abort()
        await closing

    client.close = close_in_time


def guarded_consumer(connection: KafkaConnection, **options: Any) -> AIOKafkaConsumer:
    """An aiokafka consumer without a group, not started: it reads what is committed in the connection's cluster, and in
    no other.
    """
    consumer = AIOKafkaConsumer(
        **connection.aiokafka(), enable_auto_commit=False, isolation_level="read_committed", **options
    )
    mend(consumer._client, connection.cluster_id)  # noqa: SLF001
    return consumer
