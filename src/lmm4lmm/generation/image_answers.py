"""What an image service answers, told apart into images, refusals and errors."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from lmm4lmm.core.errors import GenerationError, ItemError
from lmm4lmm.core.services import Answer

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


def judged(
    answer: Answer, what: str, wait: float | None, clean: Callable[[str], str]
) -> dict[str, Any] | Refused | Again | ItemError:
    """An answer to a request for an image: the object that holds the image, or what else it means.

    Args:
        answer: the answer.
        what: what the service is called in messages.
        wait: seconds that it asks for.
        clean: takes the key out of what the service says.

    Raises:
        GenerationError: no further request can succeed: key, quota, model or address.
    """
    document = _document(answer.body)
    code, message = _error(document)
    told = f": {clean(message)}" if message else ""
    said = f"{what} answers {answer.status} {_phrase(answer.status)}{told}"
    passes = answer.status in _PASSES or answer.status >= 500
    if code.lower() in _REFUSED or (
        answer.status >= 400 and not passes and _REFUSED_WORDS.search(f"{code} {message}")
    ):
        return Refused(clean(message or code))
    if code in _USED_UP or answer.status == HTTPStatus.PAYMENT_REQUIRED:
        raise GenerationError(f"{said}. The quota is used up; what was made is kept")
    if answer.status in (401, 403):
        raise GenerationError(f"{said}. Is the key in the environment the right one?")
    if answer.status == HTTPStatus.NOT_FOUND:
        raise GenerationError(f"{said}. Are the model's name and --base-url right?")
    if 300 <= answer.status < 400:
        raise GenerationError(f"{said}. The key is not sent elsewhere: give the final address as --base-url")
    if passes:
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


def _document(body: bytes) -> dict[str, Any]:
    """A body as a JSON object; empty where it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _error(document: Mapping[str, Any]) -> tuple[str, str]:
    """(code, message) of an error in OpenAI's form, or in one of the forms of its imitators."""
    error = document.get("error")
    if isinstance(error, dict):
        code = error.get("code") or error.get("type") or ""
        inner = error.get("innererror")
        if isinstance(inner, dict):
            code = inner.get("code") or code
        message = error.get("message")
    else:
        code, message = "", error or document.get("detail") or document.get("message")
    return str(code), " ".join(message.split()) if isinstance(message, str) else ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
