"""From a user's settings to the arguments of one pipeline's call, by its own names for them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

from lmm4lmm.core.errors import InputError

_NAMES = {"steps": "num_inference_steps", "guidance": "guidance_scale", "negative": "negative_prompt"}
_OURS = ("prompt", "generator", "output_type", "num_images_per_prompt", "return_dict")
"""What we give ourselves."""


def wanted(
    *, steps: object, guidance: object, size: object, negative: object, call: str | None
) -> dict[str, Any]:
    """Checked settings by diffusers' names, without what is None.

    Raises:
        InputError: names the setting and what it should be.
    """
    if steps is not None and (type(steps) is not int or not 1 <= steps <= 10_000):
        raise InputError(f"steps is {steps}; a whole number from 1 to 10,000 is expected")
    if guidance is not None and (isinstance(guidance, bool) or not isinstance(guidance, int | float)):
        raise InputError(f"guidance is {guidance}; a number is expected")
    found = {"steps": steps, "guidance": guidance, "negative": None if negative is None else str(negative)}
    named = {_NAMES[name]: value for name, value in found.items() if value is not None}
    if size is not None:
        named["width"], named["height"] = parse_size(str(size))
    return named | _extra(call)


def fitted(pipe: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, where this pipeline's call takes each of them, and needs none but these and a prompt.

    Raises:
        InputError: names what the pipeline does not take, or what it needs besides.
    """
    kind = type(pipe).__name__
    parameters = inspect.signature(pipe.__call__).parameters
    if "prompt" not in parameters or "generator" not in parameters:
        raise InputError(f"{kind} does not make images from a prompt and a seed: no text-to-image pipeline")
    for name in arguments:
        if name not in parameters:  # also where there is **kwargs: what lands there is silently dropped
            ours = next((our for our, their in _NAMES.items() if their == name), name)
            raise InputError(f"{kind} takes no {ours} (its call has no '{name}')")
    needed = [
        one.name
        for one in parameters.values()
        if one.default is one.empty
        and one.kind is one.POSITIONAL_OR_KEYWORD
        and one.name not in ("prompt", *arguments)
    ]
    if needed:
        raise InputError(f"{kind} needs {', '.join(needed)} beside a prompt: no text-to-image pipeline")
    return dict(arguments)


def check_size(pipe: Any, arguments: Mapping[str, Any]) -> None:
    """Asks a pipeline's own check of its inputs whether it can draw this width and height, before it has to.

    Raises:
        InputError: it can't, say because they are no multiples of 8.
    """
    check = getattr(pipe, "check_inputs", None)
    if "width" not in arguments or check is None:
        return
    call = inspect.signature(pipe.__call__).parameters
    known = {name: one.default for name, one in call.items() if one.default is not one.empty}
    given = {**known, **arguments, "prompt": "a cat", "callback_steps": None}
    parameters = inspect.signature(check).parameters
    if any(one.default is one.empty and name not in given for name, one in parameters.items()):
        return  # it wants what only the call itself works out
    try:
        check(**{name: given[name] for name in parameters if name in given})
    except ValueError as error:
        size = f"{arguments['width']}x{arguments['height']}"
        raise InputError(f"{type(pipe).__name__} does not draw {size}: {error}") from None


def batched(arguments: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The arguments for a batch of ``count`` prompts: texts beside the prompt come as lists, as the prompts do."""
    return {
        name: [value] * count if name.startswith("negative_prompt") and isinstance(value, str) else value
        for name, value in arguments.items()
    }


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) of ``WIDTHxHEIGHT``, or of one number for a square.

    Raises:
        InputError: no whole numbers from 8 to 16,384.
    """
    parts = text.lower().split("x")
    if len(parts) == 1:
        parts *= 2
    if len(parts) != 2 or not all(
        part.isascii() and part.isdigit() and 8 <= int(part) <= 16_384 for part in parts
    ):
        raise InputError(f"size is '{text}'; width x height in pixels is expected, such as 1024x768, or 512")
    return int(parts[0]), int(parts[1])


def _extra(call: str | None) -> dict[str, Any]:
    if call is None:
        return {}
    try:
        found = json.loads(call)
    except ValueError:
        found = None
    if not isinstance(found, dict) or set(_OURS) & set(found):
        raise InputError(f"call is '{call}'; a JSON object without {', '.join(_OURS)} is expected")
    return found
