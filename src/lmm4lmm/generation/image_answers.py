"""What an image service answers: bounded in bytes and time, then told apart into images, refusals and errors."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lmm4lmm.core.errors import GenerationError, ItemError

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 100 * 2**20
"""The largest answer or image that is read."""

_REFUSED = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "contentfilter",
        "moderation_blocked",
        "responsibleaipolicyviolation",
        "safety_violation",
    }
)
_REFUSED_WORDS = re.compile(r"safety system|content[_ ]policy|content management policy|moderation", re.I)
_USED_UP = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_PASSES = frozenset({408, 409, 425, 429})


class TooMuchError(Exception):
    """An answer that is too long, or takes too long."""


@dataclass(frozen=True)
class Answer:
    """An answer as it came: status, headers, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Again:
    """Worth another try.

    Attributes:
        reason: what went wrong.
        wait: seconds that the service asked for; None leaves it to us.
        billed: whether the service may have taken its price.
    """

    reason: str
    wait: float | None = None
    billed: bool = False


@dataclass(frozen=True)
class Refused:
    """A decision of the service's moderation."""

    reason: str


def read_answer(response: httpx.Response, *, seconds: float, max_bytes: int = MAX_BYTES) -> Answer:
    """Reads a streamed response; ``seconds`` are for all of it, so that a trickle ends, too.

    Raises:
        TooMuchError: more bytes, or more time.
    """
    ends, parts, size = time.monotonic() + seconds, [], 0
    for part in response.iter_bytes():
        size += len(part)
        if size > max_bytes:
            raise TooMuchError(f"more than {max_bytes:,} bytes")
        if time.monotonic() > ends:
            raise TooMuchError(f"not whole after {seconds:g} s")
        parts.append(part)
    return Answer(response.status_code, response.headers, b"".join(parts))


def judged(answer: Answer, what: str, wait: float | None) -> dict[str, Any] | Refused | Again | ItemError:
    """An answer to a request for an image: the object that holds the image, or what else it means.

    Args:
        answer: the answer.
        what: what the service is called in messages.
        wait: seconds that it asks for.

    Raises:
        GenerationError: no further request can succeed: key, quota, model or address.
    """
    document = answer.document()
    code, message = _error(document)
    said = f"{what} answers {answer.status} {_phrase(answer.status)}{f': {message}' if message else ''}"
    if code.lower() in _REFUSED or (
        400 <= answer.status < 500 and _REFUSED_WORDS.search(f"{code} {message}")
    ):
        return Refused(message or code)
    if code in _USED_UP or answer.status == HTTPStatus.PAYMENT_REQUIRED:
        raise GenerationError(f"{said}. The quota is used up; what was made is kept")
    if answer.status in (401, 403):
        raise GenerationError(f"{said}. Is the key in the environment the right one?")
    if answer.status == HTTPStatus.NOT_FOUND:
        raise GenerationError(f"{said}. Are the model's name and --base-url right?")
    if 300 <= answer.status < 400:
        raise GenerationError(f"{said}. The key is not sent elsewhere: give the final address as --base-url")
    if answer.status in _PASSES or answer.status >= 500:
        return Again(said, wait)
    if answer.status >= 400:
        return ItemError(said)
    return _image_object(answer, document, what)


def _image_object(answer: Answer, document: dict[str, Any], what: str) -> dict[str, Any] | Again:
    if not document:
        kind = answer.headers.get("content-type", "no content type")
        return Again(
            f"{what}: the answer is no JSON object ({len(answer.body):,} bytes of {kind})", billed=True
        )
    data = document.get("data")
    first = data[0] if isinstance(data, list) and data else None
    if not isinstance(first, dict) or not (first.get("b64_json") or first.get("url")):
        return Again(f"{what}: the answer holds no image (data[0] with b64_json or url)", billed=True)
    return first


def decoded(text: object) -> bytes | None:
    """Base64 as bytes, with or without a data-URL head; None where it is none."""
    if not isinstance(text, str):
        return None
    head, comma, tail = text.partition(",")
    try:
        return base64.b64decode(tail if comma and head.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError):
        return None


def check_url(url: object, base_url: str) -> str:
    """The address of an image that a service names, where we may go there.

    Raises:
        ItemError: it is no web address, unencrypted, or inside a private network that the service is not in itself.
    """
    base = urlsplit(base_url)
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        at = (parts.scheme, parts.hostname or "", parts.port)
    except ValueError:
        at = ("", "", None)
    if isinstance(url, str) and at == (base.scheme, base.hostname, base.port):
        return url
    if not isinstance(url, str) or at[0] != "https" or not at[1]:
        raise ItemError(
            f"the service names an image at {str(url)[:80]!r}, which is no https address; not fetched"
        )
    if not _is_public(at[1]):
        raise ItemError(f"the service names an image at {at[1]}, an address inside a network; not fetched")
    return url


def _is_public(host: str) -> bool:
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return True  # nothing there to protect: fetching will fail and say so
    return all(ipaddress.ip_address(str(address).partition("%")[0]).is_global for address in found)


def _error(document: Mapping[str, Any]) -> tuple[str, str]:
    """(code, message) of an error in OpenAI's form, or in one of the forms of its imitators."""
    error = document.get("error")
    if isinstance(error, dict):
        code = error.get("code") or error.get("type") or ""
        inner = error.get("innererror")
        if isinstance(inner, dict):
            code = inner.get("code") or code
        return str(code), _short(error.get("message"))
    return "", _short(error or document.get("detail") or document.get("message"))


def _short(text: object, limit: int = 300) -> str:
    words = " ".join(text.split()) if isinstance(text, str) else ""
    return words if len(words) <= limit else words[: limit - 1] + "…"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
