"""Addresses of the web: where one leads, whether that is the open internet, and which a user may give."""

from __future__ import annotations

import ipaddress
from typing import TypeAlias
from urllib.parse import urlsplit

from lmm4lmm.core.errors import InputError

Origin: TypeAlias = tuple[str, str, int]
"""Scheme, host in lower case, port."""

PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")


def origin_of(url: str) -> Origin:
    """Where an address leads.

    Raises:
        ValueError: it is not a plain http or https address.
    """
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in url):
        raise ValueError("an address has no blanks, control characters or backslashes")
    parts = urlsplit(url)
    port = parts.port
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("an address starts with http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address has no user name and no password")
    return parts.scheme, parts.hostname, PORTS[parts.scheme] if port is None else port


def checked_url(url: str, name: str) -> str:
    """A service's address without blanks around it and slashes at its end.

    Args:
        url: as a user gave it.
        name: of the option that it came with.

    Raises:
        InputError: it is no web address, or holds what may be a secret.
    """
    text = url.strip().rstrip("/")
    if not {"@", "?", "#"}.isdisjoint(text):
        # Not repeated in the message: it may hold a secret.
        raise InputError(f"{name}: leave out user, password, ? and #; a key comes from the environment")
    try:
        origin_of(text)
    except ValueError as error:
        raise InputError(f"{name} is '{url}', no web address: {error}") from None
    return text


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not loopback, private, link-local, shared, multicast...

    An IPv6 address that stands for an IPv4 one (mapped, or of RFC 6052's NAT64, by which networks without IPv4 reach
    all hosts that have nothing else) is as public as that. The addresses of tunnels (6to4, Teredo), which also hold
    one, are never public: where they lead is the business of whoever runs the tunnel.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.teredo is not None or found.is_site_local or found in _SIX_TO_FOUR:
            return False
        found = _ipv4_of(found) or found
    return found.is_global and not found.is_multicast and not found.is_reserved


def _ipv4_of(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped
