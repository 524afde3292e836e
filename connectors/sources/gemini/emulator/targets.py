"""Where the emulator may send to: this machine, unless told otherwise. The address is checked when it is dialled, after
DNS, so that no name, redirect or literal address makes it a way into somebody's network.
"""

import errno
import socket
from ipaddress import IPv6Address, ip_address

import aiohttp
from aiohappyeyeballs import AddrInfoType

from connectors.outgoing import is_public


class ForbiddenTargetError(OSError):
    """The address is not this machine's."""


def is_allowed(address: str, *, public: bool) -> bool:
    """Loopback; with ``public`` also the internet. Private networks never."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip.is_loopback or (public and is_public(address))


def session(*, timeout: float, public: bool) -> aiohttp.ClientSession:
    """A session that dials allowed addresses only; the caller closes it. ``timeout``: seconds of a whole request."""

    def guarded(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        if not is_allowed(str(address[0]), public=public):
            hint = "only loopback and the internet" if public else "only loopback; --allow-public-targets opens it"
            raise ForbiddenTargetError(errno.EACCES, f"{address[0]} is not a target of the emulator: {hint}")
        return socket.socket(family, kind, protocol)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=guarded, limit=0),
        timeout=aiohttp.ClientTimeout(total=timeout),
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": "hub-emulate-gemini"},
    )
