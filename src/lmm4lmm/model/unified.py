"""All three outputs in one pass: image, perception question, prompt, correspondence question, question, answer.

Attention is causal, so perception is read before the prompt is seen, and correspondence before the question.
"""

from __future__ import annotations

from lmm4lmm.core.errors import ItemError
from lmm4lmm.core.records import Dimension
from lmm4lmm.model.bases.base import Base, Reading
from lmm4lmm.model.official.asking import MOST_TOKENS

VERSION = 1
"""Part of a metric's fingerprint: raise it whenever a word would differ."""

_PERCEPTION = "How would you rate the quality of this image?"
_CORRESPONDENCE = "How would you rate the correspondence of this image and its prompt?"
_ANSWER_SHORTLY = "Answer yes or no."


def asked_at_once(
    base: Base, prompt: str | None, question: str | None, *, picture: int = 0
) -> tuple[Reading, tuple[Dimension, ...]]:
    """One reading for a whole item, and what each of its states is for.

    Args:
        base: for its tokenizer and form of dialogue.
        prompt: what the image was made from; None leaves correspondence out.
        question: the task's question; None leaves the answer out.
        picture: index of the picture in its batch.

    Raises:
        ItemError: the texts are longer than 2,048 tokens.
    """
    # Cut where one output ends: its token ids then don't depend on what follows.
    before = base.dialogue.before_text
    ids = base.reader.plain(before + _PERCEPTION)
    read: list[tuple[Dimension, int]] = [("perception", len(ids) - 1)]
    if prompt is not None:
        ids += base.reader.plain(f"\nprompt: {prompt.strip()}\n{_CORRESPONDENCE}")
        read.append(("correspondence", len(ids) - 1))
    if question is not None:
        ids += base.reader.plain(f"\n{question.strip()} {_ANSWER_SHORTLY}")
        ids += base.reader.pieces(base.dialogue.after_text)
        read.append(("answer", len(ids) - 1))
    if len(ids) > MOST_TOKENS:
        raise ItemError(f"the texts have {len(ids)} tokens; at most {MOST_TOKENS} are read")
    return Reading(picture, tuple(ids), tuple(at for _, at in read)), tuple(name for name, _ in read)
