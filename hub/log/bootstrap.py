"""Lets an aiokafka client begin with the brokers that answer."""

from typing import Any

from hub.log.handshake import knock_all

_SECONDS = 2.0
"""For knocking, where nobody answers. aiokafka then has its own try, with its own patience."""

_ARGUMENTS = (
    "client_id",
    "security_protocol",
    "ssl_context",
    "sasl_mechanism",
    "sasl_plain_username",
    "sasl_plain_password",
)


def begin_with_who_answers(client: Any) -> None:
    """Before the client is started.

    Stock takes the addresses in any order and waits for each as long as for a request. A broker that is frozen, or cut
    off, accepts connections for long: a client that met it first came too late, and met it again on its next try.
    """
    servers, bootstrap = client._bootstrap_servers, client.bootstrap  # noqa: SLF001  (pinned; there is no hook)
    if len(servers) < 2:
        return
    arguments = {name: getattr(client, f"_{name}") for name in _ARGUMENTS}

    async def bootstrap_there() -> None:
        answers = await knock_all(servers, arguments, _SECONDS)
        client._bootstrap_servers = list(answers.servers) or servers  # noqa: SLF001
        await bootstrap()

    client.bootstrap = bootstrap_there
