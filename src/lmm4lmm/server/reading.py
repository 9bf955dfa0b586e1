"""From the body of ``POST /v1/score`` to the items asked for; refused before it is held where it is too much."""

from __future__ import annotations

import binascii
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from lmm4lmm.core.errors import ItemError
from lmm4lmm.server.limits import Limits
from lmm4lmm.server.memory import Hold
from lmm4lmm.server.messages import AskedBatch, AskedItem
from lmm4lmm.server.refusals import Refused

JSON, FORM = "application/json", "multipart/form-data"
LONGEST_ID = 200
_FIELDS = ("image", "prompt", "question")

Given: TypeAlias = bytes | str
"""An image as it came: a file's bytes, or text (base64, a data: URL, an address)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One item of a request."""

    id: str
    image: Given
    prompt: str
    question: str | None


def media_type(request: Request) -> str:
    """JSON or a form.

    Raises:
        Refused: 415, it is neither.
    """
    told = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if told not in (JSON, FORM):
        raise Refused(415, "wrong_type", f"the body is {told or 'of no type'}; send {JSON} or {FORM}")
    return told


async def read_items(request: Request, kind: str, limits: Limits, hold: Hold) -> list[Asked]:
    """The items of a request.

    Args:
        request: its body not yet read.
        kind: what ``media_type`` found.
        limits: of body, items and texts.
        hold: grows by what is read, before it is read where the length is told.

    Raises:
        Refused: 400, 413, 422 or 429.
        ClientDisconnect: the client went away.
    """
    stream = _limited(request, limits.body_bytes, hold)
    asked = await (_of_json(stream) if kind == JSON else _of_form(request, stream, limits))
    if not asked:
        raise Refused(422, "wrong_request", "there is no item to score; each item has an image")
    if len(asked) > limits.items:
        raise Refused(422, "wrong_request", f"{len(asked)} items; at most {limits.items} fit in a request")
    for number, item in enumerate(asked):
        for name, text, most in (
            ("prompt", item.prompt, limits.text),
            ("question", item.question or "", limits.text),
            ("id", item.id, LONGEST_ID),
        ):
            if len(text) > most:
                raise Refused(
                    422,
                    "wrong_request",
                    f"items[{number}].{name}: {len(text):,} characters; at most {most:,}",
                )
    return asked


async def _limited(request: Request, most: int, hold: Hold) -> AsyncGenerator[bytes, None]:
    """The body in pieces; refused as soon as it is known to be longer than ``most``."""
    told = request.headers.get("content-length", "")
    length = int(told) if told.isascii() and told.isdecimal() else 0
    refusal = Refused(413, "too_large", f"the request is larger than the {most:,} bytes that are taken")
    if length > most:
        raise refusal
    hold.grow(length)
    read = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece = message.get("body", b"")
        if read + len(piece) > most:
            raise refusal
        hold.grow(max(0, read + len(piece) - max(read, length)))
        read += len(piece)
        if piece:
            yield piece
        if not message.get("more_body", False):
            return


async def _of_json(stream: AsyncGenerator[bytes, None]) -> list[Asked]:
    body = bytearray()
    async for piece in stream:
        body += piece
    try:
        batch = msgspec.json.decode(body, type=AskedBatch)
    except msgspec.ValidationError as error:
        raise Refused(422, "wrong_request", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise Refused(400, "malformed", f"not JSON: {error}") from error
    return [_asked(number, item) for number, item in enumerate(batch.items)]


def _asked(number: int, item: AskedItem) -> Asked:
    return Asked(str(number) if item.id is None else item.id, item.image, item.prompt, item.question)


class _Form(MultiPartParser):
    """Starlette's parser, which then never writes to the disk and knows whether the form was whole."""

    whole = False

    def __init__(self, request: Request, stream: AsyncGenerator[bytes, None], limits: Limits) -> None:
        self.spool_max_size = limits.body_bytes + 1
        super().__init__(
            request.headers,
            stream,
            max_files=limits.items,
            max_fields=len(_FIELDS) * limits.items,
            max_part_size=limits.body_bytes,
        )

    def on_end(self) -> None:
        """The last boundary was read."""
        self.whole = True


async def _of_form(request: Request, stream: AsyncGenerator[bytes, None], limits: Limits) -> list[Asked]:
    parser = _Form(request, stream, limits)
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, LookupError) as error:
        raise Refused(
            400,
            "malformed",
            f"not a form: {getattr(error, 'message', '') or 'its parts can not be told apart'}",
        ) from error
    if not parser.whole:
        raise Refused(400, "malformed", "the form ends before its last boundary")
    columns: dict[str, list[Given]] = {name: [] for name in _FIELDS}
    for name, value in form.multi_items():
        if name not in columns:
            raise Refused(422, "wrong_request", f"no field is called {name!r}; {', '.join(_FIELDS)} are")
        if isinstance(value, UploadFile):
            columns[name].append(value.file.read() if name == "image" else _text(name, value.file.read()))
        else:
            columns[name].append(value)
    return _rows(columns)


def _text(name: str, data: bytes) -> str:
    """A text that came as a file."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(422, "wrong_request", f"{name} is not UTF-8 text") from error


def _rows(columns: dict[str, list[Given]]) -> list[Asked]:
    """As many prompts and questions as images, or one for all, or none."""
    images = columns["image"]
    for name in ("prompt", "question"):
        if len(columns[name]) not in (0, 1, len(images)):
            raise Refused(
                422,
                "wrong_request",
                f"{len(images)} x image but {len(columns[name])} x {name}: as many of each, in the same order, or "
                f"one {name} for all",
            )
    prompts = columns["prompt"] or [""]
    questions = columns["question"]
    return [
        Asked(
            str(number),
            image,
            str(prompts[number % len(prompts)]),
            str(questions[number % len(questions)]) if questions else None,
        )
        for number, image in enumerate(images)
    ]


def is_address(image: Given) -> bool:
    """Whether an image is to be fetched."""
    return isinstance(image, str) and image[:8].lower().startswith(("http://", "https://"))


def bytes_of(image: Given, most: int) -> bytes:
    """The file behind an image that came with the request.

    Raises:
        ItemError: it is not base64, or too large.
    """
    if isinstance(image, str):
        if image[:5].lower() == "data:":
            head, comma, image = image.partition(",")
            if not comma or not head.lower().endswith(";base64"):
                raise ItemError("a data: URL of an image is data:image/png;base64,...")
        if len(image) // 4 * 3 > most + 2:
            raise ItemError(f"more than the {most:,} bytes that an image may have")
        try:
            image = binascii.a2b_base64(image.encode("ascii"), strict_mode=True)
        except ValueError as error:
            raise ItemError("the image is not base64, no data: URL and no https:// address") from error
    if len(image) > most:
        raise ItemError(f"{len(image):,} bytes; an image has at most {most:,}")
    return image
