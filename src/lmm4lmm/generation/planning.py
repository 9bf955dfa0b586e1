"""Everything that a run will draw, known before it begins: which prompt, under which name, with which seed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from lmm4lmm.core.drawing import Draw, seed_of
from lmm4lmm.core.errors import InputError
from lmm4lmm.core.protocols import Generator
from lmm4lmm.core.records import Prompt

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.+-]{0,79}")


@dataclass(frozen=True)
class Job:
    """All that a run will do, known before anything is drawn.

    Attributes:
        generator: what makes the images.
        draws: one an image, with distinct ids.
        folder: where everything goes.
        notes: what was odd, one sentence each.
        seed: the run's.
    """

    generator: Generator
    draws: tuple[Draw, ...]
    folder: Path
    notes: tuple[str, ...] = ()
    seed: int = 0

    @property
    def prompts(self) -> int:
        """How many prompts are drawn: by id, or by text where images were there before their prompts had ids."""
        looked_up = hasattr(self.generator, "existing")
        return len({draw.prompt.text if looked_up else draw.prompt.id for draw in self.draws})

    @property
    def names(self) -> list[str]:
        """The generators, in order of appearance; more than one only where a folder of several is imported."""
        return list(dict.fromkeys(draw.generator for draw in self.draws))

    @property
    def cost(self) -> float | None:
        """What all images together would cost; None where no price is given."""
        price = getattr(getattr(self.generator, "spending", None), "price", None)
        return None if price is None else float(price) * len(self.draws)


def plan_draws(
    generator: Generator,
    prompts: Sequence[Prompt] | None,
    folder: Path | str,
    *,
    name: str | None = None,
    per_prompt: int = 1,
    seed: int = 0,
    only: Sequence[Prompt] | None = None,
) -> Job:
    """Everything that is to be drawn.

    Args:
        generator: what will draw.
        prompts: the whole set; None only for a folder whose tree has prompts of its own.
        folder: the run's.
        name: what rows and the folder of the images call the generator.
        per_prompt: images a prompt.
        seed: of the run; every image gets one of its own from it.
        only: of the prompts, those that are wanted; all when None.

    Raises:
        InputError: no prompts, a name that can't be a folder, or nothing to draw.
    """
    if per_prompt < 1:
        raise InputError(f"per_prompt is {per_prompt}; 1 or more images are drawn of a prompt")
    if (existing := getattr(generator, "existing", None)) is not None:
        found, notes = existing(prompts)
        return Job(generator, _chosen(found, only, per_prompt, name), Path(folder), tuple(notes))
    if not prompts:
        raise InputError("there is nothing to draw: give a set of prompts")
    called = _checked_name(name or generator.name)
    files = _file_names(prompts)
    draws = [
        Draw(
            id=f"{called}/{files[prompt.id]}{f'-{sample + 1}' if sample else ''}",
            prompt=prompt,
            generator=called,
            sample=sample,
            seed=seed_of(seed, prompt.id, sample),
        )
        for prompt in (prompts if only is None else only)
        for sample in range(per_prompt)
    ]
    return Job(generator, tuple(draws), Path(folder), seed=seed)


def _chosen(
    draws: Sequence[Draw], only: Sequence[Prompt] | None, per_prompt: int, name: str | None
) -> tuple[Draw, ...]:
    texts = None if only is None else {prompt.text for prompt in only}
    kept = [draw for draw in draws if texts is None or draw.prompt.text in texts]
    if per_prompt > 1:
        kept = [draw for draw in kept if draw.sample < per_prompt]
    if not kept:
        raise InputError("the folder holds no image of these prompts")
    if name is not None:
        if len({draw.generator for draw in kept}) > 1:
            raise InputError("--name names one generator, and the folder holds images of several")
        kept = [msgspec.structs.replace(draw, generator=name) for draw in kept]
    return tuple(kept)


def _checked_name(name: str) -> str:
    if not _SAFE.fullmatch(name) or name.endswith((".", " ")):
        raise InputError(
            f"'{name}' can't be a folder everywhere; give it letters, digits, '-', '_' and '.': --name NAME"
        )
    return name


def _file_names(prompts: Sequence[Prompt]) -> dict[str, str]:
    """Prompt id -> the file's name: the id itself where every system can have such a file."""
    safe = [bool(_SAFE.fullmatch(prompt.id)) and not prompt.id.endswith((".", " ")) for prompt in prompts]
    lowered = [prompt.id.lower() for prompt in prompts]
    taken = (
        {name for name in lowered if lowered.count(name) > 1} if len(set(lowered)) < len(lowered) else set()
    )
    # "a-2" is also what the second image of "a" would be called.
    taken |= {name for name in lowered if re.fullmatch(r".*-\d+", name)} if len(prompts) > 1 else set()
    return {
        prompt.id: prompt.id if fine and name not in taken else _hashed(prompt.id)
        for prompt, fine, name in zip(prompts, safe, lowered, strict=True)
    }


def _hashed(text: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:40]
    return f"{plain or 'prompt'}_{sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}"
