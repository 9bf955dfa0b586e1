"""One service behind HTTP: requests with its key, answers that are bounded in bytes and time.

The key goes into one header and nowhere else: not into messages, and not to another host, since redirects are not
followed.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from lmm4lmm.core.certificates import certificates
from lmm4lmm.core.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import httpx

_CONNECT_S = 30.0


@dataclass(frozen=True)
class Answer:
    """An answer as it came: status, headers (by names in any case), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswerError(Exception):
    """No whole answer came.

    Attributes:
        sent: whether the request may have reached the service, which may bill it.
    """

    def __init__(self, reason: str, *, sent: bool = True) -> None:
        super().__init__(reason)
        self.sent = sent


class ServiceClient:
    """Requests to one service, from any number of threads.

    Args:
        base_url: what all paths follow; see ``core.addresses.checked_url``.
        key: for the header ``Authorization: Bearer``; None sends none.
        connections: kept open at most; with 0 each serves one request.
        most_bytes: of an answer; a larger one is not read to its end.
        extra: that brings the packages for it, should they be missing.

    Raises:
        InputError: the address, the key or the environment's proxy can't be used.
        MissingExtraError: httpx is not installed.
    """

    def __init__(
        self, base_url: str, key: str | None, *, connections: int, most_bytes: int, extra: str
    ) -> None:
        try:
            import httpx

            from lmm4lmm.core.timed_transport import TimedTransport
        except ImportError as error:
            raise MissingExtraError(f"a service behind HTTP (no module '{error.name}')", extra) from error
        if key is not None and not (key.isascii() and key.isprintable() and key == key.strip()):
            raise InputError("the key holds blanks, line breaks or other characters that no key has")
        self.base_url = base_url
        self._key, self._most = key, most_bytes
        # Compressed answers are not asked for: a small one could unpack to any size before it is counted.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "lmm4lmm"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        if not connections:
            headers["Connection"] = "close"
        proxy = _proxy(base_url)
        # Without its user and password.
        self._through = (
            "" if proxy is None else f" (through the environment's proxy {proxy.rpartition('@')[2]})"
        )
        try:
            self._client = httpx.Client(
                base_url=base_url,
                headers=headers,
                transport=TimedTransport(trust=certificates(), kept=connections, proxy=proxy),
                trust_env=False,
            )
        except (httpx.InvalidURL, ValueError, ImportError) as error:  # of the address or the proxy
            raise InputError(f"{base_url}: {error}") from None

    def ask(self, method: str, path: str, document: bytes | None = None, *, seconds: float) -> Answer:
        """One request.

        Args:
            method: of HTTP.
            path: behind the base URL.
            document: JSON.
            seconds: for all of it, so that headers or a body that trickle end, too.

        Raises:
            NoAnswerError: no whole answer came in time.
        """
        import httpx

        headers = None if document is None else {"Content-Type": "application/json"}
        timeout = httpx.Timeout(seconds, connect=min(seconds, _CONNECT_S))
        try:
            asked = self._client.stream(method, path, content=document, headers=headers, timeout=timeout)
            with asked as response:
                body = self._read(response)
        except httpx.RequestError as error:
            sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError)
            raise NoAnswerError(
                self.clean(_told(error)) + ("" if sent else self._through), sent=sent
            ) from None
        return Answer(response.status_code, response.headers, body)

    def without_key(self, text: str) -> str:
        """A text of the service's, which may repeat the key."""
        return text.replace(self._key, "[the key]") if self._key else text

    def clean(self, text: str, limit: int = 300) -> str:
        """A text for messages: in one line, short, and without the key."""
        shown = self.without_key(" ".join(text.split()))
        return shown if len(shown) <= limit else shown[: limit - 1] + "…"

    def _read(self, response: httpx.Response) -> bytes:
        parts, size = list[bytes](), 0
        for part in response.iter_bytes():
            size += len(part)
            if size > self._most:
                raise NoAnswerError(f"the answer has more than {self._most:,} bytes")
            parts.append(part)
        return b"".join(parts)


def _proxy(base_url: str) -> str | None:
    """The environment's proxy for an address: that of its scheme before that of all, which is often a SOCKS one."""
    parts, proxies = urlsplit(base_url), getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or proxy_bypass(parts.hostname or ""):
        return None
    return found if "://" in found else f"http://{found}"


def _told(error: httpx.RequestError) -> str:
    """A connection's error in words."""
    import httpx

    root: BaseException = error
    while (deeper := root.__cause__ or root.__context__) is not None:
        root = deeper
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.ProxyError):
        return f"the proxy says no: {error}"
    if isinstance(root, ssl.SSLError):
        return f"no secure connection: {error}"
    if isinstance(root, socket.gaierror):
        return "no such host"
    if isinstance(error, httpx.ConnectError):
        return f"nothing answers there: {error}"
    return f"the connection broke off: {error}"
