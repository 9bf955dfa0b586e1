"""A small tokenizer in the layout of InternLM2's, trained on the fly: byte fallback, no dummy prefix, ``<s>`` is 1.

As in the released checkpoints, the chat markers are pieces of the sentencepiece model under reserved names, which
``tokenizer_config.json`` renames; the image tokens come after its last piece.
"""

from __future__ import annotations

import io
import json
import struct
from functools import cache
from pathlib import Path

RESERVED = {"[UNUSED_TOKEN_145]": "<|im_end|>", "[UNUSED_TOKEN_146]": "<|im_start|>"}
ADDED = ("<img>", "</img>", "<IMG_CONTEXT>", "<quad>", "</quad>", "<ref>", "</ref>", "<box>", "</box>")
CONTROL = ("<unk>", "<s>", "</s>")
PIECES = 500
"""Pieces of the sentencepiece model, the reserved ones included."""

_LEVELS = ("excellent", "good", "fair", "poor", "bad")
_SENTENCES = (
    *(f"The quality of the image is {level}." for level in _LEVELS * 20),
    *(f"The correspondence of the image and its prompt is {level}." for level in _LEVELS * 20),
    *("How would you rate the quality of this image?",) * 30,
    *("How would you rate the correspondence of this image and its prompt? prompt: a photo of a house",) * 30,
    *("Is there a tree in the image? Answer yes or no.", "Does the image show two birds?") * 30,
    *("system", "user", "assistant", "Yes", "No", "yes", "no", " Yes", " No", " yes", " no") * 40,
    *("你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型",) * 8,
    *("，英文名叫InternVL, 是一个有用无害的人工智能助手。",) * 8,
    "The quick brown fox jumps over the lazy dog while five wizards box; JUMPY VEX QUIZ GLOW BACKS THAT.",
    "A wooden bridge in the fog, watercolor, soft light (1990s) - 'old' \"new\" 2345678!",
)


def write_tokenizer(folder: Path) -> None:
    """Writes ``tokenizer.model``, ``tokenizer_config.json``, ``special_tokens_map.json``, ``added_tokens.json``."""
    (folder / "tokenizer.model").write_bytes(sentencepiece_model())
    added = {token: PIECES + place for place, token in enumerate(ADDED)}
    first = PIECES - len(RESERVED)
    ids = {token: place for place, token in enumerate(CONTROL)}
    ids |= {token: first + place for place, token in enumerate(RESERVED.values())} | added
    plain = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    named = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    special = ["<|im_start|>", "<|im_end|>", *ADDED]
    files = {
        "added_tokens.json": added,
        "special_tokens_map.json": {
            "additional_special_tokens": special,
            **{name: {"content": token, **plain} for name, token in named.items()},
        },
        "tokenizer_config.json": {
            "added_tokens_decoder": {
                str(number): {"content": token, **plain, "special": True} for token, number in ids.items()
            },
            "additional_special_tokens": special,
            "auto_map": {"AutoTokenizer": ["tokenization_internlm2.InternLM2Tokenizer", None]},
            **named,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 4096,
            "tokenizer_class": "InternLM2Tokenizer",
        },
    }
    for name, content in files.items():
        text = json.dumps(content, indent=2, ensure_ascii=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")


@cache
def sentencepiece_model() -> bytes:
    """A BPE model of ``PIECES`` pieces, the reserved ones last."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_SENTENCES),
        model_writer=written,
        model_type="bpe",
        vocab_size=PIECES - len(RESERVED),
        byte_fallback=True,
        character_coverage=1.0,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        num_threads=1,
        minloglevel=2,
    )
    return written.getvalue() + b"".join(_user_defined(name) for name in RESERVED)


def _user_defined(piece: str) -> bytes:
    """One more entry of the model's repeated field ``pieces`` (protobuf: entries that follow are appended).

    Fields of an entry: 1 the piece, 2 its score (float), 3 its type (4 is user-defined).
    """
    text = piece.encode()
    entry = bytes((0x0A, len(text))) + text + b"\x15" + struct.pack("<f", -1e4) + b"\x18\x04"
    return bytes((0x0A, len(entry))) + entry
