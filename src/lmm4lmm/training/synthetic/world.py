"""A world of pictures with known truth: prompts crossed with generators, each picture judged by a panel.

Nothing is drawn or even decided before it is asked for, and every record depends on the world's seed and its own
number alone.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from lmm4lmm.core.errors import InputError
from lmm4lmm.training.synthetic.drawing import draw
from lmm4lmm.training.synthetic.facts import correspondence, holds
from lmm4lmm.training.synthetic.generators import Generator, attempt, line_up
from lmm4lmm.training.synthetic.prompts import Prompt, prompt
from lmm4lmm.training.synthetic.quality import Fault, damage, perception
from lmm4lmm.training.synthetic.raters import Opinion, Panel, opinion, panel
from lmm4lmm.training.synthetic.scene import Scene
from lmm4lmm.training.synthetic.vocabulary import stream

EDITION = 1
"""Counts up whenever the same seed gives other pictures, prompts or opinions than before."""


@dataclass(frozen=True)
class Picture:
    """How to make one picture; small, and safe to send to another process."""

    scene: Scene
    faults: tuple[Fault, ...]
    suffix: str

    def draw(self) -> Image.Image:
        """The picture, RGB."""
        return damage(draw(self.scene), self.faults, self.scene.seed)

    def encode(self) -> bytes:
        """The picture's file: PNG, or JPEG of so high a quality that it adds no visible fault."""
        file = io.BytesIO()
        if self.suffix == ".png":
            self.draw().save(file, "PNG", compress_level=1)
        else:
            self.draw().save(file, "JPEG", quality=95, subsampling=0)
        return file.getvalue()


@dataclass(frozen=True)
class Truth:
    """What is so: perception and correspondence, 0 to 100, and the answer to the question."""

    perception: float
    correspondence: float
    answer: bool


@dataclass(frozen=True)
class Record:
    """One image of the world.

    Attributes:
        number: its place in the world, from 0.
        id: unique, such as "000017".
        image: the file's path within a written world.
        prompt: with text, task, question, facts and ``group``, which must not straddle a split.
        generator: the name of who made it, the other thing to split by.
        truth, opinion: what is so, and what the panel says.
        picture: makes the image.
    """

    number: int
    id: str
    image: str
    prompt: Prompt
    generator: str
    truth: Truth
    opinion: Opinion
    picture: Picture

    def draw(self) -> Image.Image:
        """The image, RGB."""
        return self.picture.draw()


@dataclass(frozen=True)
class World(Sequence[Record]):
    """``n_prompts`` x ``generators`` records, prompt by prompt; a lazy sequence.

    Attributes:
        seed: decides everything.
        n_prompts: how many prompts; tasks take turns.
        generators: who draws them.
        raters: who judges.
        size: width and height of every picture in pixels; None for several sizes of 256 to 512.
    """

    seed: int
    n_prompts: int
    generators: tuple[Generator, ...]
    raters: Panel
    size: tuple[int, int] | None = None

    def __len__(self) -> int:
        return self.n_prompts * len(self.generators)

    def __iter__(self) -> Iterator[Record]:
        return (self.record(number) for number in range(len(self)))

    def __getitem__(self, number: int) -> Record:  # type: ignore[override]
        """One record; slices are not taken, since they would be no world."""
        if not -len(self) <= number < len(self):
            raise IndexError(f"record {number} of a world of {len(self):,}")
        return self.record(number % len(self))

    def record(self, number: int) -> Record:
        """The record of this number, 0 to ``len(world) - 1``, made without the others."""
        which, who = divmod(number, len(self.generators))
        asked, generator = prompt(self.seed, which), self.generators[who]
        scene, faults, wear = attempt(generator, asked, stream(self.seed, "attempt", number), size=self.size)
        truth = Truth(
            perception(faults, wear),
            correspondence(asked.facts, scene),
            all(holds(fact, scene) for fact in asked.asked) != asked.denied,
        )
        said = opinion(
            self.raters,
            truth.perception,
            truth.correspondence,
            truth.answer,
            stream(self.seed, "ratings", number),
        )
        return Record(
            number=number,
            id=f"{number:06}",
            image=f"images/{generator.name}/{which:05}{generator.suffix}",
            prompt=asked,
            generator=generator.name,
            truth=truth,
            opinion=said,
            picture=Picture(scene, faults, generator.suffix),
        )


def world(
    seed: int,
    *,
    prompts: int = 204,
    generators: int = 12,
    raters: int | Panel = 15,
    size: tuple[int, int] | None = None,
) -> World:
    """A world with known truth.

    Args:
        seed: 0 or more; the same one gives the same bytes.
        prompts: how many, at least 1; every prompt of a smaller world is in the larger one, too.
        generators: how many simulated T2I models, at least 2.
        raters: how many, at least 2, on a scale of 1 to 5; or a panel.
        size: width and height of every picture, 128 pixels or more; None for several sizes of 256 to 512.

    Raises:
        InputError: a number is too small.
    """
    if seed < 0 or prompts < 1:
        raise InputError(
            f"a world needs a seed from 0 and a prompt or more, not seed {seed}, {prompts} prompts"
        )
    if size and min(size) < 128:
        raise InputError(
            f"pictures of {size[0]} x {size[1]} pixels are too small to tell things apart; 128 at least"
        )
    who = raters if isinstance(raters, Panel) else panel(seed, raters)
    return World(seed, prompts, line_up(seed, generators), who, size)
