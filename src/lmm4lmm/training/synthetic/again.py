"""The same pictures, asked about other prompts: as many that fit as don't, with the panel's opinion.

One prompt a picture teaches little of what words mean. A picture is asked only about prompts of its own *pool*: eight
tenths of the prompts make one pool, and a tenth each make two more, so that a split that keeps pictures and prompts
together can still hold out a tenth for validation and a tenth for the test, every task among them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

from lmm4lmm.training.synthetic.facts import correspondence, holds
from lmm4lmm.training.synthetic.prompts import Prompt, prompt
from lmm4lmm.training.synthetic.raters import Opinion, opinion
from lmm4lmm.training.synthetic.scene import Scene
from lmm4lmm.training.synthetic.vocabulary import stream
from lmm4lmm.training.synthetic.world import Record, Truth, World

_PARTS, _KEPT = 10, 8
_LOOKED_AT = 24
"""Prompts of the task among which yes and no are looked for."""


@dataclass(frozen=True)
class Asked:
    """A picture with another prompt.

    Attributes:
        id: the record's, with a number behind it.
        prompt: what it is asked about.
        truth, opinion: with this prompt; of perception they say what they say of the record.
    """

    id: str
    prompt: Prompt
    truth: Truth
    opinion: Opinion


def asked_again(world: World, record: Record, times: int) -> Iterator[Asked]:
    """Up to ``times`` other prompts about a record's picture: one of any task, then yes and no by turns, of its own.

    Args:
        world: the record's.
        times: 0 or more; fewer are given where the pool has no more prompts.
    """
    if not times:
        return
    scene, own = record.picture.scene, record.prompt
    rng = stream(world.seed, "again", record.number)
    pool = _pools(world.seed, world.n_prompts)[_pool(own)]
    any_task = pool[rng.integers(len(pool))]
    same = [one for one in pool if one.task == own.task]
    others = [same[place] for place in rng.permutation(len(same))[:_LOOKED_AT]]
    yes = [one for one in others if _answer(one, scene)]
    no = [one for one in others if not _answer(one, scene)]
    # "no" to a neighbour's question is common: no more of it than of "yes", or it would be the best guess
    found = [any_task, *_by_turns(yes, no[: len(yes) + 1])]
    found = [one for one in dict.fromkeys(found) if one.group != own.group][:times]
    for number, other in enumerate(found, start=1):
        truth = Truth(record.truth.perception, correspondence(other.facts, scene), _answer(other, scene))
        said = opinion(
            world.raters,
            truth.perception,
            truth.correspondence,
            truth.answer,
            stream(world.seed, "ratings again", record.number * 1000 + number),
        )
        yield Asked(f"{record.id}-{number}", other, truth, said)


def _answer(asked: Prompt, scene: Scene) -> bool:
    return all(holds(fact, scene) for fact in asked.asked) != asked.denied


def _by_turns(one: Sequence[Prompt], other: Sequence[Prompt]) -> Iterator[Prompt]:
    for pair in zip_longest(one, other):
        yield from (prompt for prompt in pair if prompt is not None)


@lru_cache(maxsize=2)
def _pools(seed: int, number: int) -> tuple[tuple[Prompt, ...], ...]:
    """A world's prompts, pool by pool."""
    every = [prompt(seed, n) for n in range(number)]
    return tuple(tuple(one for one in every if _pool(one) == pool) for pool in range(_PARTS - _KEPT + 1))


def _pool(asked: Prompt) -> int:
    """0 for most prompts, 1 and 2 for a tenth of them each; equal prompts share theirs."""
    return max(0, zlib.crc32(asked.group.encode()) % _PARTS - _KEPT + 1)
