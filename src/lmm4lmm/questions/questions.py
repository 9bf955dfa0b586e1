"""Question texts beside what reads their answers."""

from __future__ import annotations

MATCH_QUESTION = "Does this image show what the text says?"
"""Asked of an item that brings no question of its own: yes means that the image does what its prompt asks."""


def question_of(question: str | None) -> str:
    """The item's own question, tidied, or the general one.

    Data sets glue an instruction to the question ("...?Answer yes or no."); it is the model's business how to
    ask for an answer, so the instruction is taken off.
    """
    if question is None or not question.strip():
        return MATCH_QUESTION
    text = " ".join(question.split())
    for tail in ("Answer yes or no.", "Answer yes or no"):
        if text.lower().endswith(tail.lower()):
            text = text[: -len(tail)].rstrip()
    return text or MATCH_QUESTION
