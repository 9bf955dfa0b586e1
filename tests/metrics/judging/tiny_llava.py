"""A vision-language model of 150 kB as llama.cpp reads it, with weights that were thought out and not trained.

The image's colour decides what is said first, as in LLaVA through a projector and the language model's attention:

- grey: a level or yes or no, in several spellings, the better the brighter;
- red: a token that is half a character;
- blue: "The", and only then a word.

The text of a question changes the numbers a little, by random weights.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

LEVELS = ("Bad", "Poor", "Fair", "Good", "Excellent")
CONTEXT = 2048
"""Tokens that the model reads at most; a character is one."""

_WIDTH, _HEADS, _HIDDEN = 32, 2, 48
_HEAD = _WIDTH // _HEADS
_SIDE, _PATCH, _FEATURES = 32, 8, 8
IMAGE_TOKENS = (_SIDE // _PATCH) ** 2

# What a place of the hidden state means; random numbers stand from NOISE on.
_ONE, _IS_IMAGE, _LIGHT, _RED, _OPENED, _ENDED, _NOISE = range(7)
_SLOW = _HEAD - 2  # a place of a head that turns so slowly with the position that it sees all of them alike

_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def write(folder: Path) -> tuple[Path, Path]:
    """Writes the language model and the projector; returns their files."""
    text, eyes = folder / "text.gguf", folder / "eyes.gguf"
    _write_language_model(text)
    _write_projector(eyes)
    return text, eyes


def _tokens() -> dict[str, gguf.TokenType]:
    kinds = gguf.TokenType
    found = {"<unk>": kinds.UNKNOWN, "<s>": kinds.CONTROL, "</s>": kinds.CONTROL}
    found |= {f"<0x{byte:02X}>": kinds.BYTE for byte in range(256)}
    found |= {chr(code): kinds.NORMAL for code in range(33, 127)} | {"▁": kinds.NORMAL}
    words = (*LEVELS, "No", "Yes", "The")
    found |= {blank + word: kinds.NORMAL for word in words for blank in ("", "▁")}
    found |= {"Ex": kinds.NORMAL, " Good": kinds.USER_DEFINED}  # the latter is shown as "▁Good" is
    return found


def _vocabulary(place: dict[str, int], random: np.random.Generator) -> dict[str, np.ndarray]:
    """What a token is to the next one, and when it is said."""
    embedding, head = random.normal(0, 0.1, (2, len(place), _WIDTH))
    embedding[:, :_NOISE] = np.eye(_NOISE)[_ONE]
    head[:, :_NOISE] = -0.9 * np.eye(_NOISE)[_ONE]

    def says(token: str, weight: float, light: float) -> None:
        head[place[token], [_ONE, _LIGHT]] = weight, light
        head[place[token], _OPENED] = 1 if token[0] in " ▁" else 0
        embedding[place[token], _ENDED] = 3

    for number, word in enumerate(LEVELS):
        for blank in ("", "▁"):
            says(blank + word, 0.9, 0.3 * (number - 2))
    says("Ex", 0.5, 0.6)
    says(" Good", 0.8, 0.3)
    for word, light in (("No", -0.4), ("Yes", 0.4)):
        for blank in ("", "▁"):
            says(blank + word, 0.7, light)
    for token, red in (("<0xF0>", 12), ("▁The", -12)):
        head[place[token], [_RED, _OPENED]] = red, -12
        embedding[place[token], _OPENED] = 3
    head[place["</s>"], _ENDED] = 4
    return {"token_embd": embedding, "output": head, "output_norm": np.ones(_WIDTH)}


def _layer(random: np.random.Generator) -> dict[str, np.ndarray]:
    """A head that looks at the image alone, and brings its colour to every later token; the rest adds noise."""
    query, key, value, out = random.normal(0, 0.15, (4, _WIDTH, _WIDTH))
    for matrix in (query, key, value):
        matrix[:_HEAD] = 0
    out[:_NOISE], out[:, :_HEAD] = 0, 0
    query[_SLOW, _ONE], key[_SLOW, _IS_IMAGE] = 6, 3
    value[_LIGHT, _LIGHT], value[_RED, _RED] = 1, 1
    out[_LIGHT, _LIGHT], out[_RED, _RED] = 0.2, 0.2
    up, gate = random.normal(0, 0.1, (2, _HIDDEN, _WIDTH))
    down = random.normal(0, 0.1, (_WIDTH, _HIDDEN))
    down[:_NOISE] = 0
    return {
        "blk.0.attn_norm": np.ones(_WIDTH),
        "blk.0.attn_q": query,
        "blk.0.attn_k": key,
        "blk.0.attn_v": value,
        "blk.0.attn_output": out,
        "blk.0.ffn_norm": np.ones(_WIDTH),
        "blk.0.ffn_up": up,
        "blk.0.ffn_gate": gate,
        "blk.0.ffn_down": down,
    }


def _write_language_model(path: Path) -> None:
    kinds = _tokens()
    place = {token: number for number, token in enumerate(kinds)}
    random = np.random.default_rng(4)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_HIDDEN)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_rope_dimension_count(_HEAD)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(kinds))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(list(kinds))
    writer.add_token_scores([0.0] * len(kinds))
    writer.add_token_types([int(kind) for kind in kinds.values()])
    writer.add_unk_token_id(place["<unk>"])
    writer.add_bos_token_id(place["<s>"])
    writer.add_eos_token_id(place["</s>"])
    writer.add_chat_template(_TEMPLATE)
    _finish(writer, _vocabulary(place, random) | _layer(random))


def _write_projector(path: Path) -> None:
    """CLIP's patches without its layers (LLaVA leaves out the last one), and LLaVA's projector of two layers."""
    writer = gguf.GGUFWriter(str(path), "clip")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.use_gelu", True)
    writer.add_string("clip.projector_type", "mlp")
    numbers = {
        "image_size": _SIDE,
        "patch_size": _PATCH,
        "embedding_length": _FEATURES,
        "feed_forward_length": 2 * _FEATURES,
        "projection_dim": _WIDTH,
        "block_count": 1,
        "attention.head_count": 1,
    }
    for name, number in numbers.items():
        writer.add_uint32(f"clip.vision.{name}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5] * 3)
    writer.add_array("clip.vision.image_std", [0.5] * 3)

    light = np.full((3, _PATCH, _PATCH), 1 / (3 * _PATCH**2))
    red = np.zeros((3, _PATCH, _PATCH))
    red[0], red[2] = 1 / _PATCH**2, -1 / _PATCH**2
    patches = np.zeros((_FEATURES, 3, _PATCH, _PATCH))
    patches[:4] = light, -light, red, -red
    # x is gelu(x) - gelu(-x): what the first layer bends, the second makes straight.
    second = np.zeros((_WIDTH, _FEATURES))
    second[_LIGHT, :2] = 1, -1
    second[_RED, 2:4] = 1, -1
    bias = np.zeros(_WIDTH)
    bias[[_ONE, _IS_IMAGE]] = 1
    square, wide = np.zeros((_FEATURES, _FEATURES)), np.zeros((2 * _FEATURES, _FEATURES))
    tensors = {
        "v.patch_embd": patches,
        "v.position_embd": np.zeros((IMAGE_TOKENS, _FEATURES)),
        "mm.0": np.eye(_FEATURES),
        "mm.2": second,
        "v.blk.0.ffn_up": wide,
        "v.blk.0.ffn_down": wide.T,
        **{f"v.blk.0.{name}": square for name in ("attn_q", "attn_k", "attn_v", "attn_out")},
        **{f"v.blk.0.{name}": np.ones(_FEATURES) for name in ("ln1", "ln2")},
    }
    biases = {"mm.0": np.zeros(_FEATURES), "mm.2": bias}
    _finish(writer, tensors, biases)


def _finish(
    writer: gguf.GGUFWriter, weights: dict[str, np.ndarray], biases: dict[str, np.ndarray] | None = None
) -> None:
    for kind, tensors in (("weight", weights), ("bias", biases or {})):
        for name, tensor in tensors.items():
            writer.add_tensor(f"{name}.{kind}", np.ascontiguousarray(tensor, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
