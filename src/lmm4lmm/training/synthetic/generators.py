"""Simulated T2I models: each gets things wrong, and spoils pictures, with probabilities of its own.

Averaged over the generators of a world, what a prompt's question is about goes wrong half of the time in every
task, so that neither the question nor the prompt tells the answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lmm4lmm.core.errors import InputError
from lmm4lmm.training.synthetic.facts import WEIGHTS, Fact
from lmm4lmm.training.synthetic.flaws import falsify
from lmm4lmm.training.synthetic.prompts import Prompt
from lmm4lmm.training.synthetic.quality import IMAGE_FAULTS, STRUCTURE, Fault, gravest, visible
from lmm4lmm.training.synthetic.scene import Scene
from lmm4lmm.training.synthetic.staging import Wear, stage
from lmm4lmm.training.synthetic.vocabulary import FAR, stream

_SPREAD, _OWN_SPREAD = 1.5, 0.6
_ASIDE = {"present": 0.1}
_ASIDE_ELSE = 0.45
"""How much rarer mistakes are in what the question isn't about; a missing thing takes all its facts along."""
_ANYWHERE = ("blur", "noise", "jpeg", "pixelate")
"""Faults that every scene shows."""


@dataclass(frozen=True)
class Generator:
    """One simulated model.

    Attributes:
        name: such as "sim-03"; says nothing of its skill.
        failure: kind of fact -> probability, 0 to 1, that it goes wrong where the question is about it.
        sloppiness: 0 to 1: how many faults its pictures have, and how grave they are.
        habits: fault or broken structure -> how often it is that one; sums to 1.
        suffix: of its files, ".png" or ".jpg".
    """

    name: str
    failure: Mapping[str, float]
    sloppiness: float
    habits: Mapping[str, float]
    suffix: str


def line_up(seed: int, n: int) -> tuple[Generator, ...]:
    """Generators from poor to good in no order, with strong and weak sides.

    Args:
        seed: decides everything.
        n: how many, at least 2.

    Raises:
        InputError: fewer than 2.
    """
    if n < 2:
        raise InputError(f"a world needs 2 generators or more to compare, not {n}")
    rng = stream(seed, "generators")
    skills = rng.permutation(np.linspace(-_SPREAD, _SPREAD, n))
    own = rng.normal(0, _OWN_SPREAD, (n, len(WEIGHTS)))
    own -= own.mean(0)
    finish = 0.6 * skills + 0.8 * rng.permutation(np.linspace(-_SPREAD, _SPREAD, n))
    names = (*IMAGE_FAULTS, *STRUCTURE)
    habits = rng.dirichlet(np.full(len(names), 1.2), n)
    return tuple(
        Generator(
            name=f"sim-{number + 1:02}",
            failure={
                kind: _sigmoid(-(skills[number] + side))
                for kind, side in zip(WEIGHTS, own[number].tolist(), strict=True)
            },
            sloppiness=_sigmoid(-finish[number]),
            habits=dict(zip(names, (0.5 * habits[number] + 0.5 / len(names)).tolist(), strict=True)),
            suffix=".png" if rng.random() < 0.5 else ".jpg",
        )
        for number in range(n)
    )


def attempt(
    generator: Generator,
    prompt: Prompt,
    rng: np.random.Generator,
    *,
    size: tuple[int, int] | None = None,
) -> tuple[Scene, tuple[Fault, ...], Wear]:
    """What the generator makes of a prompt: the scene, the image's faults, and how broken its things are.

    ``size`` is the picture's width and height in pixels; None leaves it to the generator.
    """
    drawn = prompt.wish
    for fact in prompt.facts:
        if rng.random() < _risk(generator, prompt, fact):
            drawn = falsify(fact, drawn, prompt.wish, rng)
    large = bool(drawn.groups) and all(group.view != FAR for group in drawn.groups)
    faults, wear = _spoil(generator, prompt, rng, things=large)
    scene = stage(drawn, wear, rng, size=size)
    return scene, _shown(faults, scene, prompt, rng), wear


def _shown(
    faults: tuple[Fault, ...], scene: Scene, prompt: Prompt, rng: np.random.Generator
) -> tuple[Fault, ...]:
    """The faults, with those that the scene would hide replaced by others as grave."""
    found = [fault for fault in faults if visible(fault.name, scene)]
    for fault in faults:
        if not visible(fault.name, scene):
            others = [name for name in _ANYWHERE if name not in {other.name for other in found}]
            name = others[int(rng.integers(len(others)))]
            found.append(Fault(name, min(fault.level, gravest(name, prompt.facts))))
    # Files are compressed last, whatever else went wrong before.
    return tuple(sorted(found, key=lambda fault: fault.name == "jpeg"))


def _risk(generator: Generator, prompt: Prompt, fact: Fact) -> float:
    failure = generator.failure[fact.kind]
    if fact in prompt.asked:
        return float(1 - (1 - failure) ** (1 / len(prompt.asked)))
    return failure * _ASIDE.get(fact.kind, _ASIDE_ELSE)


def _spoil(
    generator: Generator, prompt: Prompt, rng: np.random.Generator, *, things: bool
) -> tuple[tuple[Fault, ...], Wear]:
    worst = {name: gravest(name, prompt.facts) for name in IMAGE_FAULTS}
    names = [name for name in generator.habits if worst.get(name, things)]
    if "ghost" in names and any(fact.kind == "count" for fact in prompt.facts):
        names.remove("ghost")  # a faint double might be counted
    odds = np.array([generator.habits[name] for name in names])
    n = int(rng.binomial(3, generator.sloppiness))
    chosen = rng.choice(len(names), size=n, replace=False, p=odds / odds.sum())
    faults, wear = [], {}
    for name in (names[int(c)] for c in chosen):
        strength = float(rng.beta(1 + 2.5 * generator.sloppiness, 1 + 2.5 * (1 - generator.sloppiness)))
        if name in STRUCTURE:
            wear[name] = 0.15 + 0.85 * strength
        else:
            faults.append(Fault(name, min(1 + int(5 * strength), worst[name])))
    return tuple(faults), Wear(**wear)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))
