"""Images by their address: from places that may be asked, at the very addresses that were checked.

A host's name is resolved once; if any of its addresses is not a public one, nothing is fetched; else the connection
goes to one of those that were checked, so that a second answer of the name server can't lead inside. A redirect is a
new address, checked from the start. Time and size are limited as a whole, proxies of the environment are not used,
and no cookie or credential is sent.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from lmm4lmm.core.addresses import PORTS, Origin, checked_url, is_public, origin_of
from lmm4lmm.core.certificates import certificates
from lmm4lmm.core.errors import FetchError, InputError
from lmm4lmm.core.retrying import asked_wait

SECONDS = 10.0
REDIRECTS = 3
_CHUNK = 64 * 1024
_MAY_PASS = frozenset({408, 425, 429})


class Fetcher:
    """Fetches images. Thread-safe.

    Args:
        allowed: origins to fetch from, say ``https://images.example.org``; empty: none.
        anywhere: from all others, too, by https.
        inside: an origin that is asked anyway, so that its address need not be public: images of a service come from
            the service itself, wherever it runs.
        most_bytes: the largest image.
        seconds: for one image, redirects included.
        resolve: as ``socket.getaddrinfo``.
        public: whether an address may be connected to.
        tls: another context than that of ``core.certificates``.

    Raises:
        InputError: an allowed origin is not one.
    """

    def __init__(
        self,
        allowed: Sequence[str] = (),
        *,
        anywhere: bool = False,
        inside: Origin | None = None,
        most_bytes: int,
        seconds: float = SECONDS,
        resolve: Callable[..., Sequence[Any]] = socket.getaddrinfo,
        public: Callable[[str], bool] = is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.allowed = tuple(_allowed(one) for one in allowed)
        self._anywhere, self._inside = anywhere, inside
        self._most, self._seconds = most_bytes, seconds
        self._resolve, self._public, self._tls = resolve, public, tls

    def fetch(self, url: str, hold: Callable[[int], None] = lambda count: None) -> bytes:
        """The bytes behind an address.

        Args:
            url: as a client or a service gave it.
            hold: told how many bytes are about to be kept; may refuse by raising.

        Raises:
            FetchError: it may not be fetched, is not there, too large or too slow.
        """
        deadline = time.monotonic() + self._seconds
        for _ in range(REDIRECTS + 1):
            found = self._get(url, deadline, hold)
            if isinstance(found, bytes):
                return found
            url = found
        raise FetchError(f"more than {REDIRECTS} redirects")

    def _get(self, url: str, deadline: float, hold: Callable[[int], None]) -> bytes | str:
        """The body, or the address of a redirect."""
        origin = self._origin(url)
        addresses = self._addresses(origin)
        late = FetchError(f"not fetched within {self._seconds:g} s", may_pass=True)
        left = deadline - time.monotonic()
        if left <= 0:
            raise late
        connection = _Pinned(origin, addresses, left, self._tls)
        # Timeouts of a socket are for each read; this one is for all of them.
        watchdog = threading.Timer(left, connection.cut)
        watchdog.start()
        try:
            return self._answer(connection, url, deadline, hold)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() >= deadline:
                raise late from error
            reason = f"no whole image came from {origin[1]}: {type(error).__name__}"
            raise FetchError(reason, may_pass=True) from error
        finally:
            watchdog.cancel()
            connection.close()

    def _origin(self, url: str) -> Origin:
        """Where an address leads, if we may go there."""
        try:
            origin = origin_of(url)
        except ValueError as error:
            raise FetchError(f"no web address: {error}") from error
        place = f"{origin[0]}://{origin[1]}:{origin[2]}"
        if origin != self._inside and origin not in self.allowed:
            if not self._anywhere:
                raise FetchError(f"{place} is not among the places that images are fetched from")
            if origin[0] != "https":
                raise FetchError(f"{place} is no https address")
        return origin

    def _addresses(self, origin: Origin) -> list[str]:
        """Where to connect to; all that the name stands for must be public."""
        try:
            found = self._resolve(origin[1], origin[2], type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FetchError(f"there is no host {origin[1]}", may_pass=True) from error
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses or (origin != self._inside and not all(map(self._public, addresses))):
            raise FetchError(f"{origin[1]} is not a public address")
        return addresses

    def _answer(
        self, connection: _Pinned, url: str, deadline: float, hold: Callable[[int], None]
    ) -> bytes | str:
        parts = urlsplit(url)
        target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        if parts.query:
            target += "?" + quote(parts.query, safe="/?%:@!$&'()*+,;=~-._")
        wanted = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "lmm4lmm"}
        connection.request("GET", target, headers=wanted)
        response = connection.getresponse()
        location = response.headers.get("Location")
        if response.status in (301, 302, 303, 307, 308) and location:
            return urljoin(url, location)
        if response.status != 200:
            raise FetchError(
                f"{parts.hostname} answers {response.status}",
                may_pass=response.status >= 500 or response.status in _MAY_PASS,
                wait=asked_wait({name.lower(): value for name, value in response.headers.items()}),
            )
        if (response.length or 0) > self._most:
            raise FetchError(f"{response.length:,} bytes; at most {self._most:,} are fetched")
        return self._body(response, deadline, hold)

    def _body(
        self, response: http.client.HTTPResponse, deadline: float, hold: Callable[[int], None]
    ) -> bytes:
        body = bytearray()
        while chunk := response.read(_CHUNK):
            hold(len(chunk))
            body += chunk
            if len(body) > self._most:
                raise FetchError(f"more than {self._most:,} bytes")
        if response.length or time.monotonic() >= deadline:
            raise OSError("cut short")
        return bytes(body)


class _Pinned(http.client.HTTPConnection):
    """A connection to one of the addresses that were checked, whatever the name stands for by now."""

    def __init__(
        self, origin: Origin, addresses: Sequence[str], seconds: float, tls: ssl.SSLContext | None
    ) -> None:
        scheme, host, port = origin
        self.default_port = PORTS[scheme]  # left out of the Host header
        super().__init__(host, port, timeout=seconds)
        self._addresses, self._seconds = addresses, seconds
        self._context = (tls or certificates()) if scheme == "https" else None
        # http.client forgets its own once a response has taken it over.
        self._wire: socket.socket | None = None

    def connect(self) -> None:
        """Connects to the first address that answers; a certificate must be of the name."""
        self.sock = self._wire = self._first()
        if self._context is not None:
            # The handshake comes after the assignment, so that ``cut`` can end it, too.
            self.sock = self._wire = secured = self._context.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            secured.do_handshake()

    def _first(self) -> socket.socket:
        """Each address gets a share of the time, so that one that is silent leaves some to the others."""
        share = self._seconds / len(self._addresses)
        *before, last = self._addresses
        for address in before:
            with contextlib.suppress(OSError):
                return self._open(address, share)
        return self._open(last, share)

    def _open(self, address: str, seconds: float) -> socket.socket:
        wire = socket.create_connection((address, self.port), seconds)
        wire.settimeout(self._seconds)
        return wire

    def cut(self) -> None:
        """Ends whatever it is doing, from another thread."""
        wire = self._wire
        if wire is not None:
            with contextlib.suppress(OSError):  # it ended by itself
                wire.shutdown(socket.SHUT_RDWR)


def _allowed(text: str) -> Origin:
    url = checked_url(text, "a place to fetch from")
    if urlsplit(url).path:
        raise InputError(f"'{text}' has a path; a place to fetch from is scheme, host and port: https://host")
    return origin_of(url)
