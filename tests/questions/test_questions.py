from __future__ import annotations

import pytest

from lmm4lmm.questions.questions import MATCH_QUESTION, question_of


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("Does the image contain bench? Answer yes or no.", "Does the image contain bench?"),
        ("Is the style watercolor?Answer yes or no.", "Is the style watercolor?"),
        ("  Is it \n red?  ", "Is it red?"),
        ("Is it red?", "Is it red?"),
        (None, MATCH_QUESTION),
        ("  ", MATCH_QUESTION),
        ("Answer yes or no.", MATCH_QUESTION),
    ],
)
def test_the_instruction_is_taken_off_and_an_empty_question_is_the_general_one(given, asked):
    assert question_of(given) == asked
