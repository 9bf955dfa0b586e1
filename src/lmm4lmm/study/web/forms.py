"""Bodies of requests: forms and JSON, as plain mappings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from lmm4lmm.study.web.server import Refused

MOST_FIELDS = 200


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a form sent as browsers send it by default; the last of several with one name."""
    try:
        pairs = parse_qsl(
            (await request.body()).decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise Refused(400, "form_old") from error
    return dict(pairs)


Form = Annotated[Mapping[str, str], Depends(read_form)]
"""The fields of the form that a request carries."""


async def read_json(request: Request) -> Mapping[str, Any]:
    """A JSON object.

    Only with its own media type: another site's form can't send that without asking first.
    """
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Refused(415, "invalid")
    try:
        content = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Refused(400, "invalid") from error
    if not isinstance(content, dict):
        raise Refused(400, "invalid")
    return content


def whole_number(text: str, most: int = 1_000_000) -> int:
    """A whole number from 0 to ``most``; 0 for anything else."""
    return min(int(text), most) if text.isascii() and text.isdecimal() and len(text) < 12 else 0
