"""The exact strings that the released checkpoints were trained on and must be asked with.

A dialogue in the form of InternLM2's chat: system message, a user's turn with the image in it, and an assistant's
turn. The score models read their score inside the assistant's turn, so an answer sentence is part of their input;
which level word it holds makes no difference, since the score is read before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lmm4lmm.core.errors import ItemError

if TYPE_CHECKING:
    from lmm4lmm.model.official.tokenizer import OfficialTokenizer

VERSION = 1
"""Part of the metric's fingerprint: raise it whenever a string or the reading of one would differ."""

Task = Literal["perception", "correspondence", "qa"]

LEVELS = ("bad", "poor", "fair", "good", "excellent")
"""The words that the score models were taught to answer with, from worst to best."""

IMAGE_START, IMAGE_TOKEN, IMAGE_END = "<img>", "<IMG_CONTEXT>", "</img>"
TURN_START, TURN_END = "<|im_start|>", "<|im_end|>"
SPECIAL = (TURN_START, TURN_END, IMAGE_START, IMAGE_TOKEN, IMAGE_END)
"""Every special token that a prompt needs."""

_SYSTEM = (
    "你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，"
    "英文名叫InternVL, 是一个有用无害的人工智能助手。"
)
_IMAGE = "<image>"
"""Where a question wants the image; the first one counts."""


@dataclass(frozen=True)
class Template:
    """One prompt, cut at its special tokens: the only places where its token ids can be put together from parts.

    Attributes:
        lead: what stands between the user's turn start and the image; its first words are ours.
        request: what stands between the image and the end of the user's turn, the line break after the image
            included (a tokenizer may read it as one piece with what follows).
        reply: the assistant's turn; ends with a line break where the model is to answer.
        closed: whether the assistant's turn is ended.
    """

    lead: str
    request: str
    reply: str
    closed: bool

    def text(self, image_tokens: int) -> str:
        """The whole string as the reference gives it to its tokenizer.

        Args:
            image_tokens: how many placeholders the image takes; tiles times tokens a tile.
        """
        end = TURN_END if self.closed else ""
        return (
            f"{_OPENING}{self.lead}{IMAGE_START}{IMAGE_TOKEN * image_tokens}{IMAGE_END}"
            f"{self.request}{_TURN}{self.reply}{end}"
        )

    def ids(self, tokenizer: OfficialTokenizer, image_tokens: int) -> list[int]:
        """Token ids of the whole, ``<s>`` included; the image's placeholders are put in by id.

        The same as ``tokenizer.encode(self.text(image_tokens))``, except that words of a user are never read as
        special tokens.
        """
        placeholder = tokenizer.id_of(IMAGE_TOKEN)
        return [*self.ids_before(tokenizer), *[placeholder] * image_tokens, *self.ids_after(tokenizer)]

    def ids_before(self, tokenizer: OfficialTokenizer) -> list[int]:
        """Ids from ``<s>`` to ``<img>``: the same for every item but those whose question places the image."""
        opening = tokenizer.pieces(_OPENING)
        return [tokenizer.start, *opening, *tokenizer.plain(self.lead), tokenizer.id_of(IMAGE_START)]

    def ids_after(self, tokenizer: OfficialTokenizer) -> list[int]:
        """Ids from ``</img>`` to the end."""
        return [
            tokenizer.id_of(IMAGE_END),
            *tokenizer.plain(self.request),
            *tokenizer.pieces(_TURN),
            *tokenizer.plain(self.reply),
            *([tokenizer.id_of(TURN_END)] if self.closed else []),
        ]


_OPENING = f"{TURN_START}system\n{_SYSTEM}{TURN_END}{TURN_START}"
_TURN = f"{TURN_END}{TURN_START}"


def level_answer(task: Literal["perception", "correspondence"], level: str = LEVELS[-1]) -> str:
    """The sentence that a score model was taught to answer with."""
    if task == "perception":
        return f"The quality of the image is {level}."
    return f"The correspondence of the image and its prompt is {level}."


def template(task: Task, text: str | None = None, *, answer: str | None = None) -> Template:
    """The prompt of one item for one checkpoint.

    Args:
        task: which checkpoint is asked.
        text: the prompt (correspondence), the question (qa), or nothing that matters (perception). A question may
            say where the image goes by "<image>"; else it goes first.
        answer: the assistant's words; by default the dummy sentence of a score model, or none for qa, where the
            model is to answer.

    Raises:
        ItemError: there is no text where the task needs one.
    """
    if task == "perception":
        lead, request = "", "\nHow would you rate the quality of this image?"
    elif text is None:
        raise ItemError(
            f"the task '{task}' needs a {'question' if task == 'qa' else 'prompt'}; there is none"
        )
    elif task == "correspondence":
        line = f"\nHow would you rate the correspondence of this image and its prompt? prompt: {text.strip()}"
        lead, request = "", line.rstrip()
    else:
        lead, request = _around_image(text)
    if answer is None and task != "qa":
        answer = level_answer(task)
    words = (answer or "").strip()
    return Template(f"user\n{lead}", request, f"assistant\n{words}", closed=bool(words))


def build_prompt(task: Task, text: str | None, image_tokens: int, answer: str | None = None) -> str:
    """``template(task, text, answer=answer).text(image_tokens)``: the reference's string for one item."""
    return template(task, text, answer=answer).text(image_tokens)


def _around_image(question: str) -> tuple[str, str]:
    """A question's words before and after its image; blanks go at its ends, "<image>" being one of its words."""
    lead, image, rest = question.partition(_IMAGE)
    if not image:
        return "", f"\n{question}".rstrip()
    return lead.lstrip(), rest.rstrip()
