"""Asks a broker whether it serves, in two requests of Kafka's own protocol.

A listening port means little: the broker accepts connections before it has registered with the controller, and clients
would then find a cluster without brokers. Own bytes rather than a client library, because the answer is wanted every
20 ms while the broker starts, without log lines about each refusal.
"""

import socket
import struct

_API_VERSIONS, _METADATA = 18, 3
_NO_TOPICS = struct.pack(">i", 0)


def answers(host: str, port: int, timeout: float = 2.0) -> bool:
    """Whether the broker answers ApiVersions, and Metadata with at least one broker.

    Never raises. Blocks at most ``timeout`` seconds per network operation.
    """
    try:
        with socket.create_connection((host, port), timeout) as connection:
            versions = _call(connection, _API_VERSIONS, version=0, body=b"")
            metadata = _call(connection, _METADATA, version=1, body=_NO_TOPICS)
    except (OSError, struct.error):
        return False
    (error,) = struct.unpack_from(">h", versions, 4)  # after the correlation id
    (brokers,) = struct.unpack_from(">i", metadata, 4)
    return bool(error == 0 and brokers >= 1)


def _call(connection: socket.socket, api: int, *, version: int, body: bytes) -> bytes:
    correlation_id, no_client_id = 1, -1
    request = struct.pack(">hhih", api, version, correlation_id, no_client_id) + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    (size,) = struct.unpack(">i", _read(connection, 4))
    response = _read(connection, size)
    if len(response) < 8:
        raise ConnectionError("the answer is too short for Kafka")
    return response


def _read(connection: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        chunk = connection.recv(size - len(received))
        if not chunk:
            raise ConnectionError("the broker hung up")
        received += chunk
    return bytes(received)
