"""Ready means: answers as Kafka, and knows a broker. A port that only listens is not ready."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hub.log.embedded.readiness import serving_cluster

API_VERSIONS = struct.pack(">ihi", 1, 0, 0)  # correlation id, no error, no versions
API_VERSIONS_REFUSED = struct.pack(">ihi", 1, 35, 0)
BROKER = struct.pack(">ih9sih4s", 1, 9, b"127.0.0.1", 9092, 4, b"rack")
CLUSTER = struct.pack(">h4s", 4, b"ours")
ONE_BROKER = struct.pack(">ii", 1, 1) + BROKER + CLUSTER
TWO_BROKERS = struct.pack(">ii", 1, 2) + BROKER + BROKER + CLUSTER
NO_BROKER = struct.pack(">ii", 1, 0) + CLUSTER


@contextmanager
def server(*responses: bytes) -> Iterator[int]:
    """Accepts one connection and answers each request with the next of ``responses``, then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                for response in responses:
                    connection.recv(4096)
                    connection.sendall(struct.pack(">i", len(response)) + response)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("metadata", [ONE_BROKER, TWO_BROKERS])
def test_a_broker_that_knows_itself_is_ready_and_says_whose_it_is(metadata: bytes) -> None:
    with server(API_VERSIONS, metadata) as port:
        assert serving_cluster("127.0.0.1", port) == "ours"


@pytest.mark.parametrize(
    "responses",
    [
        pytest.param([API_VERSIONS, NO_BROKER], id="not yet registered"),
        pytest.param([API_VERSIONS_REFUSED, ONE_BROKER], id="refuses"),
        pytest.param([API_VERSIONS], id="hangs up"),
        pytest.param([API_VERSIONS, ONE_BROKER[:12]], id="cut short"),
        pytest.param([b"HTTP"], id="not Kafka"),
        pytest.param([], id="listens only"),
    ],
)
def test_anything_less_is_not_ready(responses: list[bytes]) -> None:
    with server(*responses) as port:
        assert serving_cluster("127.0.0.1", port, timeout=5.0) is None


def test_nobody_there_is_not_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert serving_cluster("127.0.0.1", port) is None
