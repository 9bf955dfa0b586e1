"""The command line: a synthetic world with known truth. ``datasets synthetic``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmm4lmm.cli import guard, output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json

if TYPE_CHECKING:
    from lmm4lmm.training.synthetic.world import World

RESUME = "Interrupted. Run the same command again to go on."


def add_to(datasets: typer.Typer) -> None:
    """Adds the verb to the group."""
    datasets.command("synthetic")(synthetic)


@guarded
def synthetic(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="A folder of its own.")],
    prompts: Annotated[int, typer.Option(min=1, help="How many prompts; tasks take turns.")] = 204,
    generators: Annotated[int, typer.Option(min=2, help="How many simulated T2I models draw each.")] = 12,
    raters: Annotated[int, typer.Option(min=2, help="How many simulated people judge each image.")] = 15,
    seed: Annotated[int, typer.Option(min=0, help="Decides everything.")] = 0,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH", help="Pixels of every image, 128 at least; default: several, 256 to 512."
        ),
    ] = None,
    again: Annotated[
        int,
        typer.Option("--again", min=0, help="Rows for each image about other prompts, to learn words from."),
    ] = 0,
    check: Annotated[
        bool, typer.Option("--check", help="Draw images that are there again, and mend them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Draw a world of images whose quality, match and answers are known.

    Writes images, manifest.jsonl, human.jsonl (what a panel of simulated raters says, with noise) and truth.jsonl
    (the same without it): something to try training and metrics on. A killed run is taken up by the next.
    """
    from lmm4lmm.running.progress import progress_for
    from lmm4lmm.training.synthetic.world import world
    from lmm4lmm.training.synthetic.writing import write

    asked = world(seed, prompts=prompts, generators=generators, raters=raters, size=parse_size(size))
    progress = progress_for("Drawing")
    progress.start(len(asked))
    try:
        written = write(_watched(asked, lambda: progress.advance(done=1)), out, check=check, again=again)
    except KeyboardInterrupt:
        guard.stop(RESUME, guard.INTERRUPTED)
    finally:
        progress.finish()
    files = {name: out / f"{name}.jsonl" for name in ("manifest", "human", "truth")}
    if as_json:
        output.print_json({"folder": out, "images": len(asked), "written": written, **files})
        return
    output.note(f"{out}: {len(asked):,} images of {prompts:,} prompts, {written:,} written now")
    for path in files.values():
        output.note(f"  {path}")
    output.note(
        f"train on it: lmm4lmm train unified --data {files['manifest']} --human {files['human']} -o {out}-trained"
    )


def _watched(world: World, done: Callable[[], None]) -> World:
    """The same world, which tells of every record that was asked for and dealt with."""
    from lmm4lmm.training.synthetic.world import Record, World

    class Watched(World):
        def __iter__(self) -> Iterator[Record]:
            for record in super().__iter__():
                yield record
                done()

    return Watched(world.seed, world.n_prompts, world.generators, world.raters, world.size)


def parse_size(text: str | None) -> tuple[int, int] | None:
    """``WIDTHxHEIGHT`` in pixels.

    Raises:
        InputError: no two whole numbers.
    """
    from lmm4lmm.core.errors import InputError

    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise InputError(f"--size is '{text}'; width x height in pixels is expected, such as 256x256")
    return int(parts[0]), int(parts[1])
