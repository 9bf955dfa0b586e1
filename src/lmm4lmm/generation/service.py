"""Where an image service is, and the connections to it: one with the key, one without."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lmm4lmm.core.errors import InputError

if TYPE_CHECKING:
    from ssl import SSLContext

    import httpx

BASE_URL = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Service:
    """Where to ask, and how long to try.

    Attributes:
        base_url: up to and without ``/images/generations``.
        key: sent as ``Authorization: Bearer``; None for a service that wants none. Kept nowhere else.
        timeout: seconds for one request, all of it.
        attempts: requests for one image at most.
    """

    base_url: str
    key: str | None
    timeout: float
    attempts: int

    def __repr__(self) -> str:
        return f"Service({self.base_url!r})"  # never the key


def checked_url(url: str) -> str:
    """A service's address without a slash at its end.

    Raises:
        InputError: it is none, or holds what may be a secret.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises where it is no number
    except ValueError as error:
        raise InputError(f"--base-url: no web address ({error})") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"--base-url is '{url}'; an address such as {BASE_URL} is expected")
    if parts.username or parts.password or parts.query or parts.fragment:
        # Not repeated in the message: it may hold a secret.
        raise InputError("--base-url: leave out user, password, ? and #; the key comes from the environment")
    return url.rstrip("/")


def clients(service: Service, concurrency: int) -> tuple[httpx.Client, httpx.Client]:
    """(with the key, for the service; without it, for images elsewhere)."""
    import httpx

    limits = httpx.Limits(max_connections=concurrency + 1)
    context = _certificates()
    # Compressed answers are not asked for: a small one could unpack to any size before it is counted.
    plain = {"accept-encoding": "identity"}
    keyed = {**plain, "authorization": f"Bearer {service.key}"} if service.key else plain
    return (
        httpx.Client(timeout=service.timeout, limits=limits, headers=keyed, verify=context),
        httpx.Client(timeout=service.timeout, limits=limits, headers=plain, verify=context),
    )


@cache
def _certificates() -> SSLContext:
    """Read once: that takes longer than all else in making a client."""
    import httpx

    return httpx.create_ssl_context()
