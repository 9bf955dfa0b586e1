"""Generation as a job of the engine: a prompt and a seed in, an image file and a record of it out.

A draw is known by the source's fingerprint, its id, prompt and seed. The image is on disk, whole, before the journal
hears of it, and carries that knowledge in its own metadata: of a killed run nothing is made twice but what was
being made at that moment, and nothing is ever written over an image that was made otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Literal

import msgspec

from lmm4lmm.core.drawing import Draw, Drawn, Refusal
from lmm4lmm.core.errors import GenerationError, ItemError
from lmm4lmm.core.files import content_key
from lmm4lmm.core.png import read_png_text, write_png
from lmm4lmm.core.protocols import Generator
from lmm4lmm.running.engine import run_job
from lmm4lmm.running.executors import ThreadExecutor
from lmm4lmm.running.jobs import Outcome
from lmm4lmm.running.journal import Journal
from lmm4lmm.running.progress import Progress

PURPOSE = "images"
"""What a journal of images is opened for: ``Journal.open(path, purpose=PURPOSE)``."""

KEY = "lmm4lmm"
"""The keyword in an image's metadata that holds the key of its draw."""


class Made(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a draw that did not fail.

    Attributes:
        image: the file, relative to the run's folder; None where the source refused.
        size: of the file, in bytes.
        refused: why the source would not draw it.
        seconds: what it took, batches shared out evenly.
        cost: in the currency of the price that was given.
        remark: what the source said of it.
    """

    image: str | None = None
    size: int = 0
    refused: str | None = None
    seconds: float = 0.0
    cost: float = 0.0
    remark: str | None = None


@dataclass(frozen=True)
class Ready:
    """A draw on its way: done already, or to be made in a batch."""

    draw: Draw
    key: str
    made: Made | None = None


class GenerationJob:
    """A generator as a job of the engine.

    Args:
        generator: what makes the images.
        root: the run's folder; images lie at ``ID.png`` in it.
    """

    def __init__(self, generator: Generator, root: Path) -> None:
        self.generator, self.root = generator, root

    def load(self, work: Draw) -> tuple[str, str]:
        """The draw's key; there is nothing to read."""
        key = content_key(self.generator.fingerprint, work.id, work.prompt.text, str(work.seed))
        return key, key

    def prepare(self, work: Draw, loaded: str) -> Ready:
        """Finds an image that a killed run left; makes it here, in a thread, where the source works on several."""
        if (found := self._found(work, loaded)) is not None:
            return Ready(work, loaded, found)
        if self.generator.at_once == 1:
            return Ready(work, loaded)
        (made,) = self._make([Ready(work, loaded)])
        if isinstance(made, ItemError):
            raise made
        return Ready(work, loaded, made)

    def size(self, prepared: Ready) -> int:
        """Every draw costs the same."""
        return 1

    def run(self, batch: Sequence[Ready]) -> list[Made | ItemError]:
        """Makes what is not made yet, in one batch."""
        made = iter(self._make([ready for ready in batch if ready.made is None]))
        return [ready.made if ready.made is not None else next(made) for ready in batch]

    def encode(self, result: Made) -> bytes:
        """JSON: legible in the journal."""
        return msgspec.json.encode(result)

    def decode(self, data: bytes) -> Made:
        """The record again.

        Raises:
            ItemError: the image is not there any more, or is another one: it is made again.
        """
        made = msgspec.json.decode(data, type=Made)
        if made.image is not None:
            path = self.root / made.image
            if not path.is_file() or path.stat().st_size != made.size:
                raise ItemError(f"{path}: gone, or changed since it was made")
        return made

    def _found(self, draw: Draw, key: str) -> Made | None:
        path = self.root / _file(draw)
        if hasattr(self.generator, "existing") or not path.exists():
            return None
        # An image that somebody put or changed there is theirs, and not replaced.
        if read_png_text(path).get(KEY) != key:
            raise ItemError(
                f"{path} is there and was not made by this command (another prompt, seed or setting, or changed "
                "since); it was left as it is"
            )
        return Made(image=_file(draw), size=path.stat().st_size)

    def _make(self, batch: Sequence[Ready]) -> list[Made | ItemError]:
        if not batch:
            return []
        began = perf_counter()
        results = self.generator.generate([ready.draw for ready in batch])
        if len(results) != len(batch):
            raise RuntimeError(f"{len(batch)} prompts gave {len(results)} images")
        seconds = (perf_counter() - began) / len(batch)
        return [self._keep(ready, one, seconds) for ready, one in zip(batch, results, strict=True)]

    def _keep(self, ready: Ready, result: Drawn | Refusal | ItemError, seconds: float) -> Made | ItemError:
        if isinstance(result, ItemError):
            return result
        if isinstance(result, Refusal):
            return Made(refused=result.reason, seconds=seconds, cost=result.cost)
        if isinstance(result.image, Path):
            image = Path(os.path.relpath(result.image, self.root)).as_posix()
            return Made(image=image, size=result.image.stat().st_size, seconds=seconds)
        image, path = _file(ready.draw), self.root / _file(ready.draw)
        try:
            size = write_png(result.image, path, self._texts(ready, result))
        except OSError as error:  # a full disk fails them all, and a paid service would be paid for each
            raise GenerationError(
                f"{path}: can't be written ({error.strerror or error}); what was made is kept"
            ) from error
        return Made(image=image, size=size, seconds=seconds, cost=result.cost, remark=result.remark)

    def _texts(self, ready: Ready, result: Drawn) -> dict[str, str]:
        draw, generator = ready.draw, self.generator
        parameters = {"fingerprint": generator.fingerprint, **generator.settings, **result.facts}
        told = {
            "prompt": draw.prompt.text,
            "seed": str(draw.seed),
            "model": draw.generator,
            "parameters": msgspec.json.encode(parameters).decode(),
            "task": draw.prompt.task,
            "question": draw.prompt.question,
            KEY: ready.key,
        }
        return {name: value for name, value in told.items() if value is not None}


def generate_draws(
    generator: Generator,
    draws: Iterable[Draw],
    root: Path,
    *,
    journal: Journal,
    batch_size: int | Literal["auto"] = "auto",
    progress: Progress | None = None,
    total: int | None = None,
) -> Iterator[Outcome[Draw, Made]]:
    """Makes images; one outcome a draw, in their order, whatever happens to single ones.

    Args:
        generator: what makes them.
        draws: any number, with distinct ids; drawn lazily.
        root: the run's folder.
        journal: opened with ``purpose=PURPOSE``.
        batch_size: images a batch, or "auto"; of no effect on a source that works on several draws at once.
        progress, total: see ``run_job``.

    Raises:
        GenerationError: while iterating: the source can't go on.
    """
    several = generator.at_once > 1
    return run_job(
        GenerationJob(generator, root),
        draws,
        journal=journal,
        batch_size=1 if several else batch_size,
        executor=ThreadExecutor(generator.at_once) if several else None,
        progress=progress,
        total=total,
    )


def _file(draw: Draw) -> str:
    return f"{draw.id}.png"
