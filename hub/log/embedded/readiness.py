"""Asks a broker whether it serves, in two requests of Kafka's own protocol.

A listening port means little: the broker accepts connections before it has registered with the controller, and clients
would then find a cluster without brokers. Own bytes rather than a client library, because the answer is wanted every
20 ms while the broker starts, without log lines about each refusal.
"""

import socket
import struct

_API_VERSIONS, _METADATA = 18, 3
_NO_TOPICS = struct.pack(">i", 0)
_BODY = 4  # of a response: after the correlation id


def serving_cluster(host: str, port: int, timeout: float = 2.0) -> str | None:
    """The id of the cluster whose broker answers ApiVersions, and Metadata with at least one broker; None if none does.

    The id matters: when two hubs start at once, the port may have become the other's. Never raises. Blocks at most
    ``timeout`` seconds per network operation.
    """
    try:
        with socket.create_connection((host, port), timeout) as connection:
            versions = _call(connection, _API_VERSIONS, version=0, body=b"")
            metadata = _call(connection, _METADATA, version=2, body=_NO_TOPICS)
        (error,) = struct.unpack_from(">h", versions, _BODY)
        return None if error else _cluster_id(metadata)
    except (OSError, struct.error, UnicodeDecodeError):
        return None


def _cluster_id(metadata: bytes) -> str | None:
    """From a Metadata response, version 2: brokers (node, host, port, rack) come first, then the id."""
    (brokers,) = struct.unpack_from(">i", metadata, _BODY)
    at = _BODY + 4
    for _ in range(brokers):
        _host, at = _string(metadata, at + 4)
        _rack, at = _string(metadata, at + 4)
    return _string(metadata, at)[0] if brokers > 0 else None


def _string(data: bytes, at: int) -> tuple[str | None, int]:
    """A nullable string, and where the next field begins."""
    (length,) = struct.unpack_from(">h", data, at)
    end = at + 2 + max(length, 0)
    return (None if length < 0 else data[at + 2 : end].decode()), end


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
