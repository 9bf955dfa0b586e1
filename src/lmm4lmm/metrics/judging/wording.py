"""The words in which a judge is asked, in several forms of the same meaning.

Forms differ in the order in which the possible answers are named and in the sentence around them: a judge that
scores otherwise when only these change has an effect of order or wording, and that can be measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from lmm4lmm.core.records import Dimension
from lmm4lmm.model.official.prompts import LEVELS
from lmm4lmm.questions.questions import MATCH_QUESTION

VERSION = 1
"""Part of the metric's fingerprint: raise it whenever a word here, or how an answer is read, would differ."""

ORDERS = 2
WORDINGS = 2
FORMS = ORDERS * WORDINGS
"""Form ``k`` has order ``k % 2`` (best or yes first, then worst or no first) and wording ``k // 2 % 2``."""

YES_NO = ("no", "yes")
"""The words of an answer, worst first, as ``LEVELS`` are."""

_PERCEPTION = (
    "How good does this image look? Judge its visual quality only (sharpness, noise, light, colours, distorted or "
    "unnatural structures), not what it shows. Answer with one word: {words}.",
    "Rate the visual quality of the image above, whatever its subject. Reply with exactly one of these words: "
    "{words}.",
)
_CORRESPONDENCE = (
    "This image was made from the text below. How well does it show what the text says?\n\nText: {prompt}\n\n"
    "Answer with one word: {words}.",
    "Rate how well the image above matches the description below, however it looks.\n\nDescription: {prompt}\n\n"
    "Reply with exactly one of these words: {words}.",
)
_ANSWER = (
    "{question}\n\nAnswer with one word: {words}.",
    "Look at the image above and decide: {question}\n\nReply with exactly one word, {words}.",
)


def words_of(dimension: Dimension) -> Sequence[str]:
    """What a judge may answer, worst first."""
    return YES_NO if dimension == "answer" else LEVELS


def wording(dimension: Dimension, form: int, *, prompt: str, question: str) -> str:
    """What is asked about an image.

    Args:
        dimension: what the answer is for.
        form: 0 to 3, or more, which begins again.
        prompt: the item's.
        question: the item's own, or the general one, beside which the prompt then stands.
    """
    best_first = list(reversed(words_of(dimension)))
    named = best_first if form % ORDERS == 0 else best_first[::-1]
    shown = named if dimension == "answer" else [word.capitalize() for word in named]
    words = f"{', '.join(shown[:-1])} or {shown[-1]}"
    which = form // ORDERS % WORDINGS
    if dimension == "perception":
        return _PERCEPTION[which].format(words=words)
    if dimension == "correspondence":
        return _CORRESPONDENCE[which].format(words=words, prompt=prompt.strip())
    asked = f"{question} Text: {prompt.strip()}" if question == MATCH_QUESTION else question
    return _ANSWER[which].format(words=words, question=asked)
