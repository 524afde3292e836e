"""kafka-python's admin client for one operation, with our errors.

LogAdminError                what an administrator of the cluster must look at
├── TopicMismatchError       a topic has another number of partitions than hub.yaml says
├── TopicCreationError       the cluster refused to create a topic
├── TopicMissingError        a topic is not there, and the hub does not make it
└── TopicSettingError        a topic is not set as it must be, and the hub does not set it
KafkaUnavailableError        (an OSError) nobody answers; trying again may help
└── KafkaRefusesError        it does not let us in; trying again helps once somebody has changed something
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TypeVar

from kafka.admin import KafkaAdminClient
from kafka.errors import (
    AuthorizationError,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NodeNotReadyError,
    NotCoordinatorError,
)
from kafka.errors import KafkaConnectionError as ConnectionFailed
from kafka.errors import KafkaTimeoutError as TimedOut

from hub.log.connection import KafkaConnection
from hub.log.handshake import knock

AnswerT = TypeVar("AnswerT")

_AWAY = (ConnectionFailed, TimedOut, NodeNotReadyError, TimeoutError, OSError)
_SOON = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)


class LogAdminError(Exception):
    """The cluster refuses, or is not as it must be; trying again does not help. The message says what would."""


class TopicMismatchError(LogAdminError):
    """A topic has another number of partitions than ``hub.yaml`` says."""


class TopicCreationError(LogAdminError):
    """The cluster refused to create a topic."""


class TopicMissingError(LogAdminError):
    """A topic that is needed does not exist."""


class TopicSettingError(LogAdminError):
    """A topic is not set as the hub's promises need it, and the hub is not to set it."""


class KafkaUnavailableError(ConnectionError):
    """Nobody answers at the address, or not in time. Trying again may help."""

    def __init__(self, connection: KafkaConnection, error: Exception) -> None:
        super().__init__(
            f"Kafka at {connection.bootstrap} does not answer ({error}); is it running, and is the address right?"
        )


class KafkaRefusesError(KafkaUnavailableError):
    """It answers, and does not let us in. The message says why, and what to set."""

    def __init__(self, message: str) -> None:
        ConnectionError.__init__(self, message)


@contextmanager
def admin_client(connection: KafkaConnection, timeout: float) -> Iterator[KafkaAdminClient]:
    """A connected client. ``timeout`` (seconds) bounds connecting, and each request.

    Raises:
        KafkaUnavailableError, LogAdminError: also for what the caller's requests raise.
    """
    milliseconds = int(timeout * 1000)
    with translated(connection):
        client = KafkaAdminClient(
            **reached(connection, timeout).kafka_python(),
            bootstrap_timeout_ms=milliseconds,
            request_timeout_ms=milliseconds,
        )
        try:
            if connection.cluster_id is not None:
                found = client.describe_cluster()["cluster_id"]
                if found != connection.cluster_id:
                    raise ConnectionRefusedError(f"another cluster, {found}, has taken the address")
            yield client
        finally:
            with suppress(KafkaError, OSError):
                client.close()


def reached(connection: KafkaConnection, timeout: float) -> KafkaConnection:
    """The connection, by those of its addresses at which a broker answers. Knocks at all of them, before a client does:
    kafka-python tries again and again, leaks a socket each time, and does not get past one that says nothing.

    Raises:
        OSError: none of them answers within ``timeout`` seconds.
        KafkaRefusesError: one does, and turns us away.
    """
    servers = connection.servers
    if len(servers) == 1 and connection.security_protocol == "PLAINTEXT":
        host, _, port = servers[0].rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout).close()
        return connection
    answers = knock(connection, timeout)
    if answers.servers:
        return replace(connection, bootstrap=",".join(answers.servers))
    if answers.refusal is not None:
        raise KafkaRefusesError(answers.refusal)
    raise answers.error


@contextmanager
def translated(connection: KafkaConnection) -> Iterator[None]:
    """kafka-python's errors become ours."""
    try:
        yield
    except KafkaUnavailableError:
        raise
    except _AWAY as error:
        raise KafkaUnavailableError(connection, error) from error
    except AuthorizationError as error:
        raise LogAdminError(
            f"Kafka at {connection.bootstrap} does not allow that: {error}; let an administrator give the hub the "
            "rights that `hub topics --commands` prints"
        ) from error
    except KafkaError as error:
        raise LogAdminError(f"Kafka at {connection.bootstrap} refuses: {error}") from error


def patiently(ask: Callable[[], AnswerT], timeout: float) -> AnswerT:
    """Ask again while the group's coordinator is only just being elected: a young cluster's first answer."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return ask()
        except _SOON:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
