"""What the released checkpoints are asked, and where their score is read."""

from __future__ import annotations

from lmm4lmm.core.errors import ItemError
from lmm4lmm.model.bases.base import Base, Reading
from lmm4lmm.model.official.prompts import Task, level_answer, template

SCORE_AT = -4
"""Where the score heads read: the fourth token from the end of the sequence, within the dummy answer sentence."""

MOST_TOKENS = 2048
"""Of one text; what the models were trained on is far shorter."""


def asked(base: Base, task: Task, text: str | None = None, *, picture: int = 0) -> Reading:
    """The reading of one item: the reference's exact words after the image.

    Args:
        base: for its tokenizer and form of dialogue.
        task: which checkpoint is asked.
        text: the prompt (correspondence) or the question (qa).
        picture: index of the picture in its batch.

    Raises:
        ItemError: there is no text where the task needs one, or it is longer than 2,048 tokens.
    """
    words = user_words(task, text)
    ids = base.text(words) if task == "qa" else base.text(words, level_answer(task))
    if len(ids) > MOST_TOKENS:
        raise ItemError(f"the text has {len(ids)} tokens; at most {MOST_TOKENS} are read")
    at = len(ids) - 1 if task == "qa" else len(ids) + SCORE_AT
    return Reading(picture, tuple(ids), (at,))


def user_words(task: Task, text: str | None = None) -> str:
    """The reference's words after the image, without the chat around them.

    Raises:
        ItemError: there is no text where the task needs one.
    """
    found = template(task, text)
    # The image stands first here: a question that would have it in its middle keeps its words.
    return (found.lead.removeprefix("user\n") + found.request).removeprefix("\n")
