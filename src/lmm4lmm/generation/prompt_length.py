"""How much of a prompt a pipeline reads: diffusers cuts what is longer, and says so in a log that nobody sees."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

_TOKENIZERS = ("tokenizer", "tokenizer_2", "tokenizer_3")
"""What diffusers calls them, in every pipeline that has one or several."""

_BOUNDLESS = 1_000_000
"""Tokenizers without a limit of their own state numbers beyond this."""


def unread(pipe: Any, prompt: str, arguments: Mapping[str, Any]) -> str | None:
    """A remark where no tokenizer of a pipeline holds the whole prompt, else None.

    A pipeline with several (CLIP's 77 tokens beside T5's 256 in Stable Diffusion 3) reads what its longest holds.
    Limits that are written into a pipeline's code and nowhere else are not seen.

    Args:
        pipe: of diffusers.
        prompt: the whole text.
        arguments: of the call; ``max_sequence_length`` is the limit of a tokenizer that is not CLIP's.
    """
    kept = [(len(words(prompt).input_ids), limit) for words, limit in _limits(pipe, arguments)]
    if not kept or any(count <= limit for count, limit in kept):
        return None
    count, limit = max(kept, key=lambda pair: pair[1])
    return (
        f"the pipeline reads {limit:,} tokens of a prompt, and this one has {count:,}: its end was not read"
    )


def _limits(pipe: Any, arguments: Mapping[str, Any]) -> list[tuple[Any, int]]:
    """(tokenizer, how many tokens of it the pipeline keeps), special ones included."""
    parameter = inspect.signature(pipe.__call__).parameters.get("max_sequence_length")
    stated = arguments.get("max_sequence_length", None if parameter is None else parameter.default)
    found = []
    for part in (getattr(pipe, name, None) for name in _TOKENIZERS):
        own = getattr(part, "model_max_length", None)
        if part is None or not isinstance(own, int):
            continue
        # CLIP's position table is the end of it, whatever the call says.
        limit = stated if isinstance(stated, int) and not type(part).__name__.startswith("CLIP") else own
        if limit < _BOUNDLESS:
            found.append((part, limit))
    return found
