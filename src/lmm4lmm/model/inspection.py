"""What can be seen to be wrong with a checkpoint without running it: names, shapes, numbers, tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from lmm4lmm.core.errors import Lmm4lmmError, WeightsError
from lmm4lmm.model import needs
from lmm4lmm.model.checkpoint import VOCABULARY, AdapterWeights, Checkpoint
from lmm4lmm.model.findings import BAD, MIND, OK, Finding
from lmm4lmm.model.official.asking import SCORE_AT
from lmm4lmm.model.official.prompts import LEVELS, SPECIAL, template
from lmm4lmm.model.official.tokenizer import OfficialTokenizer
from lmm4lmm.model.score_head import ReluHead, is_constant
from lmm4lmm.model.spellings import NO, YES

_BEFORE_LEVEL = "The quality of the image is"
Shapes = Mapping[str, torch.Size]


def inspect(checkpoint: Checkpoint) -> Iterator[Finding]:
    """Looks at names, then at every number, then at the tokenizer; memory for one tensor at a time."""
    try:
        expected = _expected(checkpoint)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        yield Finding("config", BAD, f"no model can be made of the configuration: {error}")
        return
    yield from _coverage(checkpoint, expected)
    for name, adapter in checkpoint.adapters.items():
        yield from _adapter(name, adapter, expected)
    yield from _tokenizer(checkpoint, expected[VOCABULARY][0])


def _expected(checkpoint: Checkpoint) -> dict[str, torch.Size]:
    text = checkpoint.config.get_text_config()
    found = {name: tensor.shape for name, tensor in needs.shapes(checkpoint.config).items()}
    return found | {VOCABULARY: torch.Size((text.vocab_size, text.hidden_size))}


def _coverage(checkpoint: Checkpoint, expected: Shapes) -> Iterator[Finding]:
    wrong = 0
    for name in sorted(expected.keys() - checkpoint.base.keys()):
        wrong += 1
        yield Finding(name, BAD, f"{name} is missing in the base; the configuration asks for it")
    for name in sorted(checkpoint.base.keys() - expected.keys()):
        wrong += 1
        yield Finding(name, BAD, f"{name} is unexpected: the model has no such tensor")
    for name, read in checkpoint.base.items():
        if name not in expected:
            continue
        try:
            tensor = read()
        except (WeightsError, OSError, RuntimeError) as error:
            wrong += 1
            yield Finding(name, BAD, f"{name} can't be read: {error}")
            continue
        if tensor.shape != expected[name]:
            wrong += 1
            yield Finding(
                name,
                BAD,
                f"{name} is {list(tensor.shape)}; the configuration asks for {list(expected[name])}",
            )
        for finding in _numbers(name, tensor):
            wrong += 1
            yield finding
    if not wrong:
        yield Finding("base", OK, f"{len(expected)} tensors: none missing, none unexpected, all finite")


def _adapter(name: str, adapter: AdapterWeights, expected: Shapes) -> Iterator[Finding]:
    what = f"adapter {name}"
    wrong = 0
    for finding in _fits(what, adapter, expected):
        wrong += 1
        yield finding
    zero = [layer for layer, low in adapter.lora.items() if not bool(low.b.any())]
    if zero and len(zero) == len(adapter.lora):
        wrong += 1
        yield Finding(what, BAD, f"every lora_B of {what} is zero ({len(zero)} layers): it was never trained")
    elif zero:
        yield Finding(what, MIND, f"lora_B of {what} is zero in {len(zero)} of {len(adapter.lora)} layers")
    heads = adapter.heads_by_dimension()
    for dimension, tensors in heads.items():
        for finding in _head(what, dimension, tensors, expected[VOCABULARY][1]):
            wrong += 1
            yield finding
    lacks = {"unified": ("perception", "correspondence"), "answer": ()}.get(
        adapter.readout, (adapter.readout,)
    )
    for dimension in sorted(set(lacks) - heads.keys()):
        wrong += 1
        yield Finding(what, BAD, f"{what} has no score head for {dimension}")
    if not wrong:
        yield Finding(
            what,
            OK if adapter.lora or adapter.replaced else MIND,
            f"{len(adapter.lora)} layers with LoRA, {len(adapter.replaced)} replaced tensors, "
            f"heads: {', '.join(heads) or 'none'}",
        )


def _fits(what: str, adapter: AdapterWeights, expected: Shapes) -> Iterator[Finding]:
    for layer, low in adapter.lora.items():
        shape = expected.get(f"{layer}.weight")
        if shape is None:
            yield Finding(layer, BAD, f"{what} adapts {layer}, which the model does not have")
        elif tuple(shape) != (low.b.shape[0], low.a.shape[1]):
            made = [low.b.shape[0], low.a.shape[1]]
            yield Finding(layer, BAD, f"{what} is made for {layer} of {made}; it is {list(shape)}")
        yield from _numbers(f"{layer}.lora_A", low.a)
        if low.b.any():  # zero is another finding
            yield from _numbers(f"{layer}.lora_B", low.b)
    for name, tensor in adapter.replaced.items():
        if name not in expected:
            yield Finding(name, BAD, f"{what} replaces {name}, which the model does not have")
        elif tensor.shape != expected[name]:
            yield Finding(
                name, BAD, f"{name} is {list(tensor.shape)} in {what}; it must be {list(expected[name])}"
            )
        yield from _numbers(f"{name} of {what}", tensor)


def _head(what: str, dimension: str, tensors: Mapping[str, Tensor], width: int) -> Iterator[Finding]:
    title = f"the {dimension} head of {what}"
    try:
        head = ReluHead({name: value.float() for name, value in tensors.items()})
    except WeightsError as error:
        yield Finding(title, BAD, f"{title}: {error}")
        return
    first = tensors["fc1.weight"]
    if first.shape[1] != width:
        yield Finding(title, BAD, f"{title} reads {first.shape[1]} numbers; the model gives {width}")
        return
    yield from (
        finding for name, value in tensors.items() for finding in _numbers(f"{name} of {title}", value)
    )
    with torch.inference_mode():
        if is_constant(head, width):
            yield Finding(title, BAD, f"{title} gives the same score whatever it reads")


def _numbers(name: str, tensor: Tensor) -> Iterator[Finding]:
    """One look at every number; a bias may be zero, a weight may not."""
    if not tensor.numel() or not tensor.is_floating_point():
        return
    low, high = (side.item() for side in tensor.aminmax())
    if not (abs(low) < float("inf") and abs(high) < float("inf")):
        yield Finding(name, BAD, f"{name} holds numbers that are not finite")
    elif low == high == 0 and not name.partition(" ")[0].endswith(".bias"):
        yield Finding(name, BAD, f"every number of {name} is zero")


def _tokenizer(checkpoint: Checkpoint, rows: int) -> Iterator[Finding]:
    try:
        reader = OfficialTokenizer.read(checkpoint.tokenizer)
    except WeightsError as error:
        yield Finding("tokenizer", BAD, str(error))
        return
    wrong = list(_words(reader))
    for token in (*SPECIAL, "<s>"):
        try:
            reader.id_of(token)
        except WeightsError as error:
            wrong.append(str(error))
    if reader.vocabulary_size > rows:
        wrong.append(f"the tokenizer has {reader.vocabulary_size} tokens; the model knows {rows}")
    if not wrong:
        wrong += _read_at(
            reader, "perception" in checkpoint.adapters or "correspondence" in checkpoint.adapters
        )
    yield from (Finding("tokenizer", BAD, problem) for problem in wrong)
    if not wrong:
        yield Finding(
            "tokenizer", OK, "level words, yes and no are one token each; no special token is missing"
        )


def _words(reader: OfficialTokenizer) -> Iterator[str]:
    for level in LEVELS:
        if not reader.token_ids([f" {level}"], after=_BEFORE_LEVEL):
            yield f"the tokenizer splits the level word '{level}': scores would be read at another token"
    for answer, spellings in (("yes", YES), ("no", NO)):
        if not reader.token_ids(spellings):
            yield f"the tokenizer splits every spelling of '{answer}': an answer takes several tokens"


def _read_at(reader: OfficialTokenizer, scores: bool) -> list[str]:
    """The head must read the token before the level word."""
    if not scores:
        return []
    try:
        found = reader.decode([template("perception").ids_after(reader)[SCORE_AT]])
    except Lmm4lmmError as error:
        return [str(error)]
    return [] if found.strip() == "is" else [f"scores would be read at {found!r} instead of 'is'"]
