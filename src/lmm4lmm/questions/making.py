"""New sets of prompts for the 20 tasks, each with the question that its own words answer.

A set is decided by its seed: the same bytes on every machine. Each task has a stream of chance of its own, so a set
of some tasks holds the same prompts as the whole. What matters in a task (the number to be counted, the colour, the
style, ...) is dealt like cards, so that every value comes up equally often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from lmm4lmm.core.errors import InputError, UnknownNameError
from lmm4lmm.core.records import Prompt
from lmm4lmm.questions import people, scenes, things
from lmm4lmm.questions.dealing import Dealer, Text

_TRIES = 200
"""Draws in a row that only repeat themselves, before a task counts as used up."""

MAKERS: Mapping[str, Callable[[Dealer], Text]] = {
    "single_class": things.single,
    "two_class": things.two,
    "counting": things.counting,
    "colors": things.colours,
    "position": things.position,
    "shapes": things.shapes,
    "texture": things.texture,
    "scene": scenes.scene,
    "style": scenes.style,
    "OCR": scenes.lettering,
    "HOI": people.action,
    "human": people.human,
    "emotion": people.emotion,
    "Linguistic Structures": scenes.absence,
    "view": scenes.view,
    "World Knowledge": scenes.landmark,
    "face": people.face,
    "imagination": scenes.imagination,
    "time and light": scenes.light,
    "complex": things.complex_,
}
"""Task, as EvalMi-50K names it -> what makes one prompt of it."""

TASKS = tuple(MAKERS)


@dataclass(frozen=True)
class _Set:
    """The prompts of one task."""

    task: str
    texts: tuple[Text, ...]


def make(seed: int, *, per_task: int, tasks: Sequence[str] = ()) -> tuple[Prompt, ...]:
    """A set of prompts, task by task, numbered from 1.

    Args:
        seed: decides everything, 0 or more.
        per_task: prompts a task, all different.
        tasks: of ``TASKS``, in any order; all when empty.

    Raises:
        InputError: ``per_task`` is below 1, or more than a task can give; names the task and how many it gave.
        UnknownNameError: no such task.
    """
    if per_task < 1:
        raise InputError(f"{per_task} prompts a task leave nothing to write; give 1 or more")
    for task in tasks:
        if task not in MAKERS:
            raise UnknownNameError("task", task, TASKS)
    chosen = [_texts(seed, task, per_task) for task in TASKS if not tasks or task in tasks]
    width = max(3, len(str(len(chosen) * per_task)))
    numbered = enumerate(((one.task, text) for one in chosen for text in one.texts), start=1)
    return tuple(
        Prompt(
            id=f"{number:0{width}}",
            text=text.prompt,
            task=task,
            question=text.question,
            sub_questions=text.parts,
        )
        for number, (task, text) in numbered
    )


def _texts(seed: int, task: str, count: int) -> _Set:
    dealer, found, repeats = Dealer(Random(f"{seed}/{task}")), dict[str, Text](), 0
    while len(found) < count:
        text = MAKERS[task](dealer)
        key = text.prompt.lower()
        repeats = repeats + 1 if key in found else 0
        found.setdefault(key, text)
        if repeats > _TRIES:
            raise InputError(
                f"task '{task}' has words for about {len(found):,} different prompts, not for {count:,}; "
                "ask for fewer with --per-task"
            )
    return _Set(task, tuple(found.values()))
