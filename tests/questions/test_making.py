"""New prompts: the same for a seed, all different, balanced, and with questions that their own words answer."""

from __future__ import annotations

import re
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmm4lmm.core.errors import InputError, UnknownNameError
from lmm4lmm.datasets.evalmi50k_names import TASKS as PUBLISHED
from lmm4lmm.questions.making import TASKS, make

ASKING = (
    "is are does do there the a an in image show both and exactly of made style text with every letter right "
    "free face look everything this description they wearing"
)
"""Words that belong to the asking and not to what is asked."""
SAME = {"people": "person", "children": "child", "wearing": "in"}


def bare(text: str) -> set[str]:
    """Words without case and marks."""
    return {SAME.get(word, word) for word in re.findall(r"[\w'’é-]+", text.lower())}


def forms(words: set[str]) -> set[str]:
    """Words with what they may be the plural of."""
    return words | {word[:-1] for word in words if word.endswith("s")}


def test_the_tasks_are_the_papers() -> None:
    assert TASKS == PUBLISHED


@settings(max_examples=15)
@given(st.integers(0, 2**31), st.integers(1, 12))
def test_every_set_keeps_the_rules(seed: int, per_task: int) -> None:
    found = make(seed, per_task=per_task)
    assert msgspec.json.encode(found) == msgspec.json.encode(make(seed, per_task=per_task))
    assert Counter(prompt.task for prompt in found) == dict.fromkeys(TASKS, per_task)
    assert (
        len({prompt.text.lower() for prompt in found}) == len({prompt.id for prompt in found}) == len(found)
    )
    for prompt in found:
        assert prompt.question is not None
        assert prompt.question.endswith("?")
        assert prompt.question.startswith(("Is ", "Are ", "Does "))
        assert "{" not in prompt.text + prompt.question
        assert "  " not in prompt.text
        for question in (prompt.question, *prompt.sub_questions):
            there = forms(bare(prompt.text))
            missing = [word for word in bare(question) - bare(ASKING) if not forms({word}) & there]
            assert missing == [], (prompt.text, question)
        assert (prompt.task == "complex") == (len(prompt.sub_questions) >= 5)


def test_seeds_differ() -> None:
    one, two = make(0, per_task=20), make(1, per_task=20)
    assert sum(a.text == b.text for a, b in zip(one, two, strict=True)) < 40


def test_a_set_of_some_tasks_holds_the_same_prompts() -> None:
    whole = [prompt.text for prompt in make(5, per_task=7) if prompt.task in ("OCR", "counting")]
    assert [prompt.text for prompt in make(5, per_task=7, tasks=["counting", "OCR"])] == whole


@pytest.mark.parametrize(
    ("task", "pattern", "values"),
    [
        ("counting", r"\b(two|three|four|five|six|seven)\b", 6),
        ("position", r"\b(left of|right of|on top of|under|in front of|behind|next to)\b", 7),
        ("view", r"^An? ([\w'-]+)", 8),
        ("emotion", r"\b(happy|sad|angry|surprised|frightened|bored|proud|worried|disgusted)\b", 9),
    ],
)
def test_what_matters_is_balanced(task: str, pattern: str, values: int) -> None:
    counts = Counter(re.findall(pattern, prompt.text)[0] for prompt in make(3, per_task=84, tasks=[task]))
    assert len(counts) == values
    assert max(counts.values()) <= 2.2 * min(counts.values())


def test_more_than_the_words_can_give_is_refused() -> None:
    with pytest.raises(InputError, match=r"task 'Linguistic Structures' has words for about \d+"):
        make(0, per_task=500, tasks=["Linguistic Structures"])
    with pytest.raises(InputError, match="nothing to write"):
        make(0, per_task=0)
    with pytest.raises(UnknownNameError, match="did you mean counting"):
        make(0, per_task=1, tasks=["countng"])


def test_every_task_has_words_for_ninety_prompts() -> None:
    assert len(make(11, per_task=90)) == 1800
