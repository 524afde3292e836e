"""Knocks as the clients will. They try again without a word where a password is wrong or an authority unknown; here it
is said at once, with what to do.
"""

import asyncio
import ssl
from contextlib import suppress

from aiokafka.conn import create_conn
from aiokafka.errors import (
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from hub.log.connection import KafkaConnection

_WANTS_CERTIFICATE = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")
"""Ends of the names of TLS alerts (RFC 8446, section 6.2) by which a server refuses a client for its certificate."""


def refusal(connection: KafkaConnection, timeout: float) -> str | None:
    """Why the first broker that answers refuses us; None where one lets us in, or none answers. Blocks at most
    ``timeout`` seconds for each address; not for a thread with an event loop.
    """
    return asyncio.run(_refusal(connection, timeout))


async def _refusal(connection: KafkaConnection, seconds: float) -> str | None:
    arguments = connection.aiokafka()
    servers = arguments.pop("bootstrap_servers")
    for server in servers:
        host, _, port = server.rpartition(":")
        try:
            async with asyncio.timeout(seconds):
                opened = await create_conn(
                    host.strip("[]"), int(port), request_timeout_ms=int(seconds * 1000), **arguments
                )
        except (KafkaError, OSError, TimeoutError) as error:
            if (reason := _reason(error)) is not None:
                return f"Kafka at {server} {reason}"
        else:
            writer = opened._writer  # noqa: SLF001  (its own close does not wait, and the loop ends before the socket)
            opened.close()
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
            return None
    return None


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
