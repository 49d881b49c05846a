"""Client addresses in the form in which limits count them, and the limit itself.

Theory of operation: readers behind one proxy that isn't named by TRUSTED_PROXIES share
its address, and so do those behind the network address translation of a container. Such
addresses are private ones. So the default limit holds for public addresses only, and a
limit that an operator has set holds for all.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import msgspec

CACHED = 4096  # addresses of which it is remembered if they are public
OWN_BITS = 64  # of an IPv6 address: the prefix of one subscriber (RFC 6177)
# Proxies may write an IPv4 address with a port, or an IPv6 address in brackets.
WITH_PORT = re.compile(r"([0-9.]+):[0-9]+|\[([^]]*)\](?::[0-9]+)?")


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address, without port, brackets and zone; None if it isn't one.

    An IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) is returned as IPv4.
    """
    found = WITH_PORT.fullmatch(text)
    try:
        address = ip_address((found[1] or found[2]) if found else text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))


def client_of(text: str | None) -> str:
    """Return the name of one client: an IPv4 address, or the /64 of an IPv6 address."""
    address = parse_address(text or "")
    if address is None:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, OWN_BITS), strict=False))
    return str(address)


class ClientLimit(msgspec.Struct, frozen=True):
    """How many connections a client may have; 0 means any number.

    `includes_private` is whether private addresses and the loopback are limited, too.
    """

    most: int
    includes_private: bool

    def of(self, client: str) -> int:
        """Return how many connections a client may have, named as by `client_of`."""
        is_public = _is_public(client)
        if is_public is None:
            return 0
        return self.most if self.includes_private or is_public else 0


@lru_cache(CACHED)
def _is_public(client: str) -> bool | None:
    """Return whether a client's address is public; None if it is no address.

    It isn't one with a Unix socket, or if nobody can read it.
    """
    try:
        return ip_network(client).is_global
    except ValueError:
        return None
