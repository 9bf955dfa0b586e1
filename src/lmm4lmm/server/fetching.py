"""Images by their address, from places that the operator named and from nowhere else.

An address must be of an allowed origin (scheme, host, port). Its host is resolved once; if any of its addresses
is not a public one, nothing is fetched; else the connection goes to the very address that was checked, so that
a second answer of the name server can't lead inside. A redirect is a new address, checked from the start. Time
and size are limited as a whole, proxies of the environment are not used, and no cookie or credential is sent.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote, urljoin, urlsplit

from lmm4lmm.core.errors import InputError, ItemError

Origin: TypeAlias = tuple[str, str, int]
"""Scheme, host in lower case, port."""

PORTS = {"http": 80, "https": 443}
SECONDS = 10.0
REDIRECTS = 3
_CHUNK = 64 * 1024
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not loopback, private, link-local, shared, multicast...

    IPv6 addresses that carry an IPv4 one (mapped, NAT64, 6to4, Teredo) are never public: what they lead to is the
    network's business.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and (
        found.ipv4_mapped is not None
        or found.teredo is not None
        or found.is_site_local
        or found in _NAT64
        or found in _SIX_TO_FOUR
    ):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def origin_of(url: str) -> Origin:
    """Where an address leads.

    Raises:
        ItemError: it is not a plain http or https address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ItemError(f"not an address: {error}") from error
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in url):
        raise ItemError("an address has no blanks, control characters or backslashes")
    if parts.scheme not in PORTS or not parts.hostname:
        raise ItemError("an image's address starts with https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise ItemError("an address with a user name or a password is not fetched")
    return parts.scheme, parts.hostname, PORTS[parts.scheme] if port is None else port


class Fetcher:
    """Fetches images from allowed origins. Thread-safe.

    Args:
        allowed: origins, say ``https://images.example.org``; empty: nothing is fetched.
        most_bytes: the largest image.
        seconds: for one image, redirects included.
        resolve: as ``socket.getaddrinfo``.
        public: whether an address may be connected to.
        tls: another context than the system's.

    Raises:
        InputError: an allowed origin is not one.
    """

    def __init__(
        self,
        allowed: Sequence[str] = (),
        *,
        most_bytes: int,
        seconds: float = SECONDS,
        resolve: Callable[..., Sequence[Any]] = socket.getaddrinfo,
        public: Callable[[str], bool] = is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.allowed = tuple(_allowed(one) for one in allowed)
        self._most, self._seconds = most_bytes, seconds
        self._resolve, self._public = resolve, public
        self._tls = tls or (ssl.create_default_context() if allowed else None)

    def fetch(self, url: str, hold: Callable[[int], None]) -> bytes:
        """The bytes behind an address.

        Args:
            url: as the client gave it.
            hold: told how many bytes are about to be kept; may refuse by raising.

        Raises:
            ItemError: it may not be fetched, is not there, too large or too slow.
        """
        deadline = time.monotonic() + self._seconds
        for _ in range(REDIRECTS + 1):
            found = self._get(url, deadline, hold)
            if isinstance(found, bytes):
                return found
            url = urljoin(url, found)
        raise ItemError(f"more than {REDIRECTS} redirects")

    def _get(self, url: str, deadline: float, hold: Callable[[int], None]) -> bytes | str:
        """The body, or the address of a redirect."""
        origin = origin_of(url)
        if origin not in self.allowed:
            raise ItemError(
                f"{origin[0]}://{origin[1]}:{origin[2]} is not among the places that this server fetches images from"
            )
        address = self._address(origin)
        left = deadline - time.monotonic()
        if left <= 0:
            raise ItemError(f"not fetched within {self._seconds:g} s")
        connection = _Pinned(origin, address, left, self._tls)
        # Timeouts of a socket are for each read; this one is for all of them.
        watchdog = threading.Timer(left, connection.cut)
        watchdog.start()
        try:
            return self._answer(connection, url, deadline, hold)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() >= deadline:
                raise ItemError(f"not fetched within {self._seconds:g} s") from error
            raise ItemError(f"can't be fetched: {type(error).__name__}") from error
        finally:
            watchdog.cancel()
            connection.close()

    def _address(self, origin: Origin) -> str:
        """The one address to connect to; all that the name stands for must be public."""
        try:
            found = self._resolve(origin[1], origin[2], type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise ItemError(f"there is no host {origin[1]}") from error
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses or not all(self._public(address) for address in addresses):
            raise ItemError(f"{origin[1]} is not a public address")
        return addresses[0]

    def _answer(
        self, connection: _Pinned, url: str, deadline: float, hold: Callable[[int], None]
    ) -> bytes | str:
        parts = urlsplit(url)
        target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        if parts.query:
            target += "?" + quote(parts.query, safe="/?%:@!$&'()*+,;=~-._")
        connection.request("GET", target, headers={"Accept": "image/*", "Accept-Encoding": "identity"})
        response = connection.getresponse()
        location = response.headers.get("Location")
        if response.status in (301, 302, 303, 307, 308) and location:
            return location
        if response.status != 200:
            raise ItemError(f"its host answers {response.status}")
        if (response.length or 0) > self._most:
            raise ItemError(f"{response.length:,} bytes; at most {self._most:,} are fetched")
        return self._body(response, deadline, hold)

    def _body(
        self, response: http.client.HTTPResponse, deadline: float, hold: Callable[[int], None]
    ) -> bytes:
        body = bytearray()
        while chunk := response.read(_CHUNK):
            hold(len(chunk))
            body += chunk
            if len(body) > self._most:
                raise ItemError(f"more than {self._most:,} bytes")
        if response.length or time.monotonic() >= deadline:
            raise OSError("cut short")
        return bytes(body)


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was checked, whatever the name stands for by now."""

    def __init__(self, origin: Origin, address: str, seconds: float, tls: ssl.SSLContext | None) -> None:
        scheme, host, port = origin
        self.default_port = PORTS[scheme]  # left out of the Host header
        super().__init__(host, port, timeout=seconds)
        self._address, self._context = address, tls if scheme == "https" else None
        self._wire: socket.socket | None = (
            None  # http.client forgets its own once a response has taken it over
        )

    def connect(self) -> None:
        """Connects to the pinned address; a certificate must be of the name."""
        self.sock = self._wire = socket.create_connection((self._address, self.port), self.timeout)
        if self._context is not None:
            # The handshake comes after the assignment, so that ``cut`` can end it, too.
            self.sock = self._wire = secured = self._context.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            secured.do_handshake()

    def cut(self) -> None:
        """Ends whatever it is doing, from another thread."""
        wire = self._wire
        if wire is not None:
            with contextlib.suppress(OSError):  # it ended by itself
                wire.shutdown(socket.SHUT_RDWR)


def _allowed(text: str) -> Origin:
    try:
        origin = origin_of(text)
    except ItemError as error:
        raise InputError(f"'{text}' is no place to fetch from: {error}") from error
    if urlsplit(text).path not in ("", "/") or "?" in text or "#" in text:
        raise InputError(f"'{text}' has a path; a place to fetch from is scheme, host and port: https://host")
    return origin
