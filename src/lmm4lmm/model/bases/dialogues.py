"""How each family of models is spoken to.

A folder's own chat template decides; the forms here are those of the released templates, for folders without one.
A template is the checkpoint's, so it runs in Jinja's sandbox, without any word of a user.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lmm4lmm.core.errors import WeightsError
from lmm4lmm.model.bases.base import Dialogue, Reader

_WORDS = "\ue000words\ue000"
"""Stands for the user's words; of Unicode's private use, so that no template holds it."""


@dataclass(frozen=True)
class Form:
    """A family's form.

    Attributes:
        mark: what its chat template writes for an image.
        before_image, after_image: what stands around the placeholders once they have taken the mark's place.
        dialogue: as released.
    """

    mark: str
    before_image: str
    after_image: str
    dialogue: Dialogue


INTERNVL = Form(
    "<IMG_CONTEXT>",
    "<img>",
    "</img>",
    Dialogue("<|im_start|>user\n<img>", "</img>", "\n", "<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>"),
)

_QWEN_IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
QWEN3_VL = Form(
    _QWEN_IMAGE,
    "<|vision_start|>",
    "<|vision_end|>",
    Dialogue(
        "<|im_start|>user\n<|vision_start|>",
        "<|vision_end|>",
        "",
        "<|im_end|>\n<|im_start|>assistant\n",
        "<|im_end|>",
    ),
)
QWEN2_5_VL = replace(
    QWEN3_VL,
    dialogue=replace(
        QWEN3_VL.dialogue,
        opening="<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|>",
    ),
)
SMOLVLM = Form(
    "<image>",
    "",
    "",
    Dialogue(
        "<|im_start|>User:", "", "", "<end_of_utterance>\nAssistant:", "<end_of_utterance>", before_answer=" "
    ),
)


def spoken(form: Form, folder: Path) -> Dialogue:
    """The form of a folder's chats: what its chat template makes of an image and a text, or else the family's.

    Raises:
        WeightsError: the template can't be read, or does not put the image before the text.
    """
    template = chat_template(folder)
    if template is None:
        return form.dialogue
    chat = _rendered(template, folder)
    opening, image, rest = chat.partition(form.mark)
    before_text, words, after_text = rest.partition(_WORDS)
    if not (image and words and after_text):
        raise WeightsError(
            f"{folder}: the chat template does not write an image ({form.mark}) and then a text, but {chat!r}"
        )
    return replace(
        form.dialogue,
        opening=opening + form.before_image,
        image_end=form.after_image,
        before_text=before_text,
        after_text=after_text,
    )


def check_cuts(dialogue: Dialogue, reader: Reader, mark: str, *, source: str) -> None:
    """Makes sure that a chat's token ids can be put together from parts.

    Args:
        mark: the image's placeholder, one token.
        source: what error messages call the tokenizer.

    Raises:
        WeightsError: the tokenizer reads the parts otherwise than the whole.
    """
    words = "Is it good?"
    tail = f"{dialogue.before_text}{words}{dialogue.after_text}{dialogue.before_answer}Yes{dialogue.after_answer}"
    whole = reader.pieces(f"{dialogue.opening}{mark}{dialogue.image_end}{tail}")
    parts = [*dialogue.stem(reader, reader.pieces(mark)), *dialogue.text(reader, words, "Yes")]
    if whole != parts or len(reader.pieces(mark)) != 1:
        raise WeightsError(
            f"{source} reads a chat otherwise than its parts; such tokenizers are not supported"
        )


def chat_template(folder: Path) -> str | None:
    """The chat template of a folder: a file of its own, or an entry in one of the older files.

    Raises:
        WeightsError: a file is damaged.
    """
    path = folder / "chat_template.jinja"
    if path.is_file():
        return _text(path)
    for name in ("chat_template.json", "processor_config.json", "tokenizer_config.json"):
        if not (folder / name).is_file():
            continue
        try:
            values = json.loads(_text(folder / name))
        except ValueError as error:
            raise WeightsError(f"{folder / name} is damaged: {error}") from error
        found = values.get("chat_template") if isinstance(values, dict) else None
        if isinstance(found, str):
            return found
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path} can't be read: {error}") from error


def _rendered(template: str, folder: Path) -> str:
    from transformers.utils.chat_template_utils import render_jinja_template

    message: dict[str, Any] = {
        "role": "user",
        "content": [{"type": "image"}, {"type": "text", "text": _WORDS}],
    }
    try:
        chats, _ = render_jinja_template([[message]], chat_template=template, add_generation_prompt=True)
    except Exception as error:  # a template may fail in any way
        raise WeightsError(f"{folder}: the chat template can't be used: {error}") from error
    (chat,) = chats
    assert isinstance(chat, str)
    return chat
