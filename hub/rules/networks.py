"""Networks in CIDR notation, and the addresses in them."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

_LONGEST = 64
"""Characters of what may be an address. Longer ones are none, and are not tried."""


@dataclass(frozen=True, slots=True)
class Network:
    """The addresses from ``low`` to ``high`` of one ``version`` (4 or 6). An IPv4 address that is written as IPv6
    (``::ffff:10.0.0.1``) is the IPv4 address.
    """

    version: int
    low: int
    high: int

    def accepts(self, value: Any) -> bool:
        found = address(value)
        return found is not None and found[0] == self.version and self.low <= found[1] <= self.high

    @classmethod
    def parse(cls, written: str) -> "Network":
        """``10.0.0.0/8``; bits after the first 8 do not count.

        Raises:
            ValueError: not a network.
        """
        if "/" not in written:
            raise ValueError(f"{written!r} has no length")
        network = _plain(ip_network(written, strict=False))
        return cls(network.version, int(network.network_address), int(network.broadcast_address))


def address(value: Any) -> tuple[int, int] | None:
    """Version and number of an address; None for whatever is none."""
    if not isinstance(value, str) or not 1 < len(value) < _LONGEST or not (value[0].isalnum() or value[0] == ":"):
        return None
    try:
        found = ip_address(value)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found.version, int(found)


def _plain(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return network if mapped is None or network.prefixlen < 96 else IPv4Network((int(mapped), network.prefixlen - 96))
