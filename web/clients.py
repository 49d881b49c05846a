"""Who sends a request: client addresses, as what a limit is applied to."""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

OWN_BITS = 64  # of an IPv6 address; a subscriber has all that begin alike (RFC 6177)
# As proxies write it: an IPv4 address with a port, or an IPv6 one in brackets.
WITH_PORT = re.compile(r"([0-9.]+):[0-9]+|\[([^]]*)\](?::[0-9]+)?")


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address, without port, brackets and zone; None if it isn't one.

    An IPv4 address that is written as an IPv6 one (RFC 4291, 2.5.5.2) is IPv4.
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
    """Return what counts as one client: an IPv4 address, or the /64 of an IPv6 one."""
    address = parse_address(text or "")
    if address is None:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, OWN_BITS), strict=False))
    return str(address)
