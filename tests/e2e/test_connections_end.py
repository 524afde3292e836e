"""A connection to Kafka is closed, and the other end does not say goodbye: nobody waits for that."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
import trustme
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn

from hub.log.connection import KafkaConnection
from hub.log.mending import end_in_time
from tests.fixtures.certificates import issue


class Front:
    """TLS in front of a broker; it hands everything on, and ends no connection before it is told to."""

    def __init__(self, broker: str, context: ssl.SSLContext) -> None:
        host, _, port = broker.rpartition(":")
        self._broker = (host, int(port))
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.done = threading.Event()
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    def _serve(self) -> None:
        with suppress(OSError):
            accepted, _ = self._listening.accept()
            with self._context.wrap_socket(accepted, server_side=True) as here:
                with closing(socket.create_connection(self._broker)) as there:
                    while request := here.recv(65_536):
                        there.sendall(request)
                        here.sendall(there.recv(65_536))
                self.done.wait(60)

    def close(self) -> None:
        self.done.set()
        self._listening.close()
        self._serving.join(10)


@pytest.fixture
def front(kafka: KafkaConnection, authority: trustme.CA) -> Iterator[Front]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issue(authority).configure_cert(context)
    served = Front(kafka.bootstrap, context)
    yield served
    served.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


async def close(front: Front, authority: trustme.CA, mend: Callable[[AIOKafkaClient], None]) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{front.port}")
    mend(client)
    connection = await create_conn("127.0.0.1", front.port, ssl_context=context, security_protocol="SSL")
    client._conns["there"] = connection
    transport = connection._writer.transport
    try:
        async with asyncio.timeout(5):
            await client.close()
    finally:
        transport.abort()
        for _ in range(5):  # the loop's turns in which it is torn down
            await asyncio.sleep(0)


async def test_a_tls_connection_ends_without_the_goodbye_of_the_other_end(front: Front, authority: trustme.CA) -> None:
    await close(front, authority, end_in_time)


async def test_stock_waits_for_it(front: Front, authority: trustme.CA) -> None:
    """Where this fails, aiokafka has learned it, and `end_in_time` may go."""
    with pytest.raises(TimeoutError):
        await close(front, authority, lambda _: None)
