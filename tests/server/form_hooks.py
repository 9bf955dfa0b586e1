"""What Schemathesis has to know of forms: see ``test_server_openapi``.

A form is text and files: it can't carry a wrong type (an object sent as ``prompt`` arrives as a text), and a schema
can't say that there are as many prompts as images. Such cases are left out; all others must hold.
"""

from __future__ import annotations

from typing import Any

import schemathesis

TEXTS = ("prompt", "question")


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Whether a form means on the wire what its schema says."""
    if case.media_type != "multipart/form-data" or not isinstance(case.body, dict):
        return True
    images = case.body.get("image")
    if not isinstance(images, list):
        return False
    for name in TEXTS:
        texts = case.body.get(name, [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            return False
        if len(texts) not in (0, 1, len(images)):
            return False
    return True
