"""Knocks as the clients will, at every address at once.

They try again without a word where a password is wrong or an authority unknown; here it is said at once, with what to
do. And they wait for a broker that accepts connections and answers nothing (frozen, or cut off) as long as for their
request, although its neighbours would answer; here it is left out.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import (
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from hub.log.connection import KafkaConnection

_WANTS_CERTIFICATE = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")
"""Ends of the names of TLS alerts (RFC 8446, section 6.2) by which a server refuses a client for its certificate."""

_HOLD = 0.2  # seconds for the others once one has answered


@dataclass(frozen=True, slots=True)
class Answers:
    """``servers`` let us in. Where none does, ``refusal`` says why one that answers turns us away, and ``error`` what
    came of knocking.
    """

    servers: Sequence[str]
    refusal: str | None
    error: OSError


def knock(connection: KafkaConnection, timeout: float) -> Answers:
    """Blocks at most ``timeout`` seconds, and hardly where a broker answers. From any thread."""
    arguments = connection.aiokafka()
    servers = arguments.pop("bootstrap_servers")
    with ThreadPoolExecutor(1) as pool:  # the caller's thread may have an event loop, which it blocks anyway
        return pool.submit(asyncio.run, knock_all(servers, arguments, timeout)).result()


async def knock_all(servers: Sequence[str], arguments: Mapping[str, Any], seconds: float) -> Answers:
    """``arguments`` are those of an aiokafka connection. Takes ``seconds`` at most; never raises."""
    knocks = {server: asyncio.create_task(_knock(server, arguments, seconds)) for server in servers}
    try:
        answered = False
        waiting = set(knocks.values())
        while waiting and not answered:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            answered = any(task.exception() is None for task in done)
        if waiting:
            await asyncio.wait(waiting, timeout=_HOLD)
    finally:
        for task in knocks.values():
            task.cancel()
        await asyncio.wait(knocks.values())
    failed = {server: _failure(task) for server, task in knocks.items()}
    reasons = [(server, reason) for server, error in failed.items() if error and (reason := _reason(error))]
    errors = [error if isinstance(error, OSError) else OSError(str(error)) for error in failed.values() if error]
    return Answers(
        servers=[server for server, error in failed.items() if error is None],
        refusal=f"Kafka at {reasons[0][0]} {reasons[0][1]}" if reasons else None,
        error=errors[-1] if errors else OSError("no address given"),
    )


def _failure(task: "asyncio.Task[None]") -> BaseException | None:
    return TimeoutError("no answer") if task.cancelled() else task.exception()


async def _knock(server: str, arguments: Mapping[str, Any], seconds: float) -> None:
    """Up to where requests could be sent."""
    host, _, port = server.rpartition(":")
    connection = AIOKafkaConnection(host.strip("[]"), int(port), request_timeout_ms=int(seconds * 1000), **arguments)
    connecting = asyncio.create_task(connection.connect())
    try:
        await asyncio.wait({connecting}, timeout=seconds)
        if not connecting.done():
            raise TimeoutError(f"no answer within {seconds:g} s")
        connecting.result()
    finally:
        writer = connection._writer  # noqa: SLF001  (its own close says goodbye first, which a frozen broker never hears)
        if writer is not None:
            writer.transport.abort()
        connecting.cancel()
        with suppress(asyncio.CancelledError, KafkaError, OSError):
            await connecting
        connection.close()
        await asyncio.sleep(0)  # in which the socket is closed


def _reason(error: BaseException) -> str | None:
    if isinstance(error, SaslAuthenticationFailed):
        return (
            "does not accept the user name or the password; set HUB_KAFKA_SASL_USERNAME and HUB_KAFKA_SASL_PASSWORD "
            "(or HUB_KAFKA_SASL_JAAS_CONFIG) to what the cluster knows"
        )
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"does not offer the mechanism: {error}; set HUB_KAFKA_SASL_MECHANISM to one that it offers"
    certificate = next((each for each in _chain(error) if isinstance(each, ssl.SSLCertVerificationError)), None)
    if certificate is not None:
        return (
            f"shows a certificate that is not trusted ({certificate.verify_message}); set "
            "HUB_KAFKA_SSL_TRUSTSTORE_LOCATION to a PEM file with the authority that signed it"
        )
    alert = next((each for each in _chain(error) if isinstance(each, ssl.SSLError)), None)
    if alert is not None and (alert.reason or "").endswith(_WANTS_CERTIFICATE):
        return (
            "asks for a client certificate that it trusts; set HUB_KAFKA_SSL_KEYSTORE_LOCATION to a PEM file with one, "
            "its chain and its key, or HUB_KAFKA_SSL_KEYSTORE_CERTIFICATE_CHAIN and HUB_KAFKA_SSL_KEYSTORE_KEY to "
            "their text"
        )
    if alert is not None:
        return f"does not agree on TLS ({alert.reason}); is HUB_KAFKA_SECURITY_PROTOCOL that of this port?"
    return None


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
