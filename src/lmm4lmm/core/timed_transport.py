"""How ``core.services`` sends: as httpx does by itself, but with one deadline for all of a request.

Timeouts of httpx are for each read, so that whoever sends a byte of a header now and then is never given up. Here
every read and write gets what is left of the request's time, by httpcore's own seam for that: its network backend.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import httpcore
import httpx

_KEPT_S = 5.0
"""A connection that is idle for longer is closed; the time that httpx takes, too."""
_PIECE = 2**14
"""Bytes that are sent before the clock is looked at again."""


class TimedTransport(httpx.BaseTransport):
    """Connections to services, for a client of httpx.

    The ``read`` timeout of a request bounds it as a whole: connection, sending, headers and body. An answer is read
    by the thread that asked for it.

    Args:
        trust: whose certificates are good.
        kept: connections that are kept open at most.
        proxy: its URL, with name and password where it wants them.

    Raises:
        ValueError: there is no such kind of proxy.
        ImportError: it is a SOCKS proxy, and socksio is not installed.
    """

    def __init__(self, *, trust: ssl.SSLContext, kept: int, proxy: str | None) -> None:
        self._clock = _Clock()
        self._pool = httpcore.ConnectionPool(
            ssl_context=trust,
            proxy=None if proxy is None else _proxy_of(httpx.Proxy(proxy), trust),
            max_connections=None,
            max_keepalive_connections=kept,
            keepalive_expiry=_KEPT_S,
            network_backend=_Backend(self._clock),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request; its answer's body is yet to be read."""
        self._clock.ends = time.monotonic() + request.extensions["timeout"]["read"]
        with _as_httpx():
            answer = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    _url_of(request.url),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions
        )

    def close(self) -> None:
        """Closes what is kept open."""
        self._pool.close()


class _Clock(threading.local):
    """When the request ends that this thread is at, by ``time.monotonic``."""

    ends = 0.0

    def left(self, timeout: float | None, late: type[httpcore.TimeoutException]) -> float:
        """Seconds that the next step may take."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise late("the time of the request is over")
        return left if timeout is None else min(left, timeout)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, clock: _Clock) -> None:
        self._clock, self._plain = clock, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._plain.connect_tcp(host, port, left, local_address, socket_options), self._clock)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, clock: _Clock) -> None:
        self._inner, self._clock = inner, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._clock.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            left = self._clock.left(timeout, httpcore.WriteTimeout)
            self._inner.write(buffer[start : start + _PIECE], left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Errors of httpcore become those of httpx, which have the same names."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
    ) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error


def _proxy_of(given: httpx.Proxy, trust: ssl.SSLContext) -> httpcore.Proxy:
    if given.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ImportError("a SOCKS proxy needs the package socksio")  # httpcore says so only when it connects
    secured = trust if given.url.scheme == "https" else None
    return httpcore.Proxy(_url_of(given.url), given.raw_auth, ssl_context=secured)


def _url_of(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
