"""Outgoing HTTP that cannot be turned inwards (server-side request forgery).

The check is made on the address that is about to be dialled, after DNS, so neither a name that resolves to a
private address, nor one that changes its answer between check and use (DNS rebinding), nor a literal address, nor
a redirect gets through.
"""

import errno
import ipaddress
import socket
from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace

import aiohttp
from aiohappyeyeballs import AddrInfoType

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that IANA has handed out; RFC 4291
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address
# What counts as global in some or all Python versions, and leads inwards or nowhere.
_INWARDS = (
    ipaddress.ip_network("192.0.0.0/24"),  # IETF protocols; Oracle's cloud has its metadata at 192.0.0.192
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays, RFC 7526
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's platform, inside every network of it
    ipaddress.ip_network("3fff::/20"),  # documentation, RFC 9637
)


class ForbiddenAddressError(OSError):
    """The request would have gone to an address that is not public."""


class RedirectRefusedError(aiohttp.ClientError):
    """The answer was a redirect, in a session that follows none."""


def is_public(address: str) -> bool:
    """Whether an IP address is reachable on the public internet; IPv4 inside IPv6 counts as the IPv4 it is."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(ip.packed[-4:])
        if inner is None:
            return ip.is_global and ip in _GLOBAL_UNICAST and not _leads_inwards(ip)
        ip = inner
    return ip.is_global and not ip.is_multicast and not _leads_inwards(ip)


def _leads_inwards(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(ip in network for network in _INWARDS)


class OutgoingHttp:
    """Makes guarded ``aiohttp`` sessions. ``allow_private`` (``HUB_ALLOW_PRIVATE=1``) switches the guard off."""

    def __init__(self, *, allow_private: bool = False) -> None:
        self.allow_private = allow_private

    def session(
        self, *, timeout: timedelta, headers: Mapping[str, str] | None = None, follow_redirects: bool = False
    ) -> aiohttp.ClientSession:
        """A session whose every connection is checked. The caller closes it.

        ``timeout`` covers a whole request, half of it connecting. A redirect is a RedirectRefusedError unless
        followed: following turns a POST into a GET, whose 200 would look like success.

        Proxies of the environment are not used, and none must be passed to a request: behind a proxy, the address
        dialled is not the target's.
        """
        seconds = timeout.total_seconds()
        trace = aiohttp.TraceConfig()
        if not follow_redirects:
            trace.on_request_redirect.append(_refuse_redirect)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(socket_factory=self._socket, limit=100),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=seconds / 2),
            trace_configs=[trace],
            trust_env=False,
            # A target that sets cookies would choose what later requests carry, until they are too large for it.
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    def _socket(self, info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        host = str(address[0])
        if not self.allow_private and not is_public(host):
            raise ForbiddenAddressError(
                errno.EACCES,
                f"{host} is not a public address; set HUB_ALLOW_PRIVATE=1 to let the hub call private ones",
            )
        return socket.socket(family, kind, protocol)


async def _refuse_redirect(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, redirect: aiohttp.TraceRequestRedirectParams
) -> None:
    redirect.response.close()
    raise RedirectRefusedError(f"answered {redirect.response.status}, a redirect, which is not followed")
