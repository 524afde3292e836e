"""Outgoing HTTP that cannot be turned inwards (server-side request forgery).

The check is made on the address that is about to be dialled, after DNS, so neither a name that resolves to a
private address nor one that changes its answer between check and use (DNS rebinding) gets through.
"""

import ipaddress
import socket
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aiohttp
from aiohappyeyeballs import AddrInfoType


class ForbiddenAddressError(OSError):
    """The request would have gone to an address that is not public."""


def is_public(address: str) -> bool:
    """Whether an IP address is reachable on the public internet; IPv4 inside IPv6 counts as the IPv4 it is."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or ip
    return ip.is_global and not ip.is_multicast


class OutgoingHttp:
    """Makes guarded ``aiohttp`` sessions. ``allow_private`` (``HUB_ALLOW_PRIVATE=1``) switches the guard off."""

    def __init__(self, *, allow_private: bool = False) -> None:
        self.allow_private = allow_private

    def session(self, *, timeout: timedelta, headers: Mapping[str, str] | None = None) -> aiohttp.ClientSession:
        """A session whose every connection is checked. The caller closes it. ``timeout`` covers a whole request.

        Proxies of the environment are not used: behind one, the address dialled would not be the target's.
        """
        connector = aiohttp.TCPConnector(socket_factory=self._socket, limit=100)
        return aiohttp.ClientSession(
            connector=connector,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout.total_seconds()),
            trust_env=False,
        )

    def _socket(self, info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        host: Any = address[0]
        if not self.allow_private and not is_public(str(host)):
            raise ForbiddenAddressError(
                f"{host} is not a public address; set HUB_ALLOW_PRIVATE=1 to let the hub call private ones"
            )
        return socket.socket(family, kind, protocol)
