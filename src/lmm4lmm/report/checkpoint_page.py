"""The page of a comparison: is the new checkpoint better, by how much, on which tasks, and on which prompts most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import write_atomically
from lmm4lmm.core.records import Dimension
from lmm4lmm.report import plots
from lmm4lmm.report.cards import Card
from lmm4lmm.report.checkpoint_words import (
    DIGITS,
    headline,
    interval_words,
    level_words,
    p_words,
    sentences,
    signed,
    verdict_words,
)
from lmm4lmm.report.checkpoints import CheckpointComparison, DimensionComparison
from lmm4lmm.report.movers import Mover, MoverSide, movers
from lmm4lmm.report.page import PageFacts, page_environment, page_parts
from lmm4lmm.report.sides import Side
from lmm4lmm.report.thumbnails import Thumbnail, Thumbnails
from lmm4lmm.report.wording import WORDS, DimensionWords, number, sentence, tidy
from lmm4lmm.stats.differences import Difference

IMAGE_BYTES = 4_000_000
"""What all thumbnails of a page may take."""
EACH = 4
"""Prompts shown on either side of a dimension."""


@dataclass(frozen=True)
class DifferenceRow:
    """One difference, overall or of a task, as texts and a plot."""

    name: str
    plot: Markup
    new: str
    old: str
    difference: str
    interval: str
    p: str
    prompts: str
    verdict: str
    kind: str


@dataclass(frozen=True)
class MoverView:
    """One prompt with a picture of either side."""

    prompt: str
    task: str
    difference: str
    cards: tuple[Card, Card]


@dataclass(frozen=True)
class DimensionView:
    """One dimension; attributes are what the template shows."""

    words: DimensionWords
    sentence: str
    axis: Markup
    overall: DifferenceRow
    tasks: tuple[DifferenceRow, ...]
    margin: str
    counts: str
    better: tuple[MoverView, ...]
    worse: tuple[MoverView, ...]


def write_comparison_page(
    found: CheckpointComparison, out: Path, *, images: Path | None = None, title: str | None = None
) -> PageFacts:
    """Writes the page, whole or not at all.

    Args:
        found: the comparison.
        out: the page to write; replaced if it exists.
        images: the folder that image paths start from; beside it each table's own folder is tried.
        title: heading; None names the two.

    Raises:
        InputError: ``out`` or ``images`` can't be used.
    """
    if out.is_dir():
        raise InputError(
            f"{out}: is a folder; give the name of the page to write, say {out / 'compare.html'}"
        )
    if images is not None and not images.is_dir():
        raise InputError(f"{images}: no such folder of images")
    pictures = Thumbnails(IMAGE_BYTES)
    told = dict(zip(found.dimensions, sentences(found), strict=True))
    shown = _Shown(found, pictures, images)
    views = tuple(shown.dimension(name, one, told[name]) for name, one in found.dimensions.items())
    page = (
        page_environment()
        .get_template("checkpoints.html")
        .render(
            **page_parts(),
            title=tidy(title or f"{found.new.name} against {found.old.name}"),
            new=tidy(found.new.name),
            old=tidy(found.old.name),
            sides=[_facts(side) for side in (found.new, found.old)],
            headline=headline(found),
            level=level_words(next(iter(found.dimensions.values())).overall),
            views=views,
            notes=[sentence(tidy(note)) for note in found.notes],
            paired=all(one.overall.paired for one in found.dimensions.values()),
            has_pictures=pictures.shown > 0,
        )
    )
    write_atomically(out, page)
    return PageFacts.of(out, pictures)


class _Shown:
    """Makes the views; knows where images lie."""

    def __init__(self, found: CheckpointComparison, pictures: Thumbnails, images: Path | None) -> None:
        self._found, self._pictures = found, pictures
        self._roots = {
            side.source: [root for root in (images, _folder(side)) if root is not None]
            for side in (found.new, found.old)
        }

    def dimension(self, name: Dimension, one: DimensionComparison, told: str) -> DimensionView:
        every = [one.overall, *one.tasks.values()]
        ends = [v for d in every for v in (d.low, d.difference, d.high) if v is not None]
        margin = one.overall.margin
        axis = plots.axis_over([*ends, 0.0, -margin, margin])
        ordered = sorted(one.tasks.items(), key=lambda pair: (-pair[1].difference, pair[0]))
        better, worse = movers(self._found.new, self._found.old, name, each=EACH)
        return DimensionView(
            words=WORDS[name],
            sentence=tidy(told.partition(": ")[2]),  # the heading names the dimension
            axis=plots.axis_labels(axis),
            overall=_row("All prompts", name, one.overall, axis),
            tasks=tuple(_row(tidy(task), name, part, axis) for task, part in ordered),
            margin=signed(margin, name).lstrip("+") if margin else "",
            counts=_counts(one.overall),
            better=tuple(self._mover(mover, name) for mover in better),
            worse=tuple(self._mover(mover, name) for mover in worse),
        )

    def _mover(self, mover: Mover, name: Dimension) -> MoverView:
        cards = (
            self._card(self._found.new, mover.new, mover.prompt, name),
            self._card(self._found.old, mover.old, mover.prompt, name),
        )
        return MoverView(tidy(mover.prompt), tidy(mover.task), signed(mover.difference, name), cards)

    def _card(self, side: Side, made: MoverSide, prompt: str, name: Dimension) -> Card:
        nowhere = Thumbnail(problem="the table names no image")
        picture = self._pictures.get(made.image, self._roots[side.source]) if made.image else nowhere
        short = WORDS[name].short if made.images == 1 else f"{WORDS[name].short}, mean of {made.images}"
        scores = ((short, number(made.mean, DIGITS.get(name, 2)), True),)
        return Card(picture, tidy(made.image), tidy(prompt), tidy(side.name), scores)


def _facts(side: Side) -> tuple[int, str, tuple[str, ...]]:
    """Images, the file's name without its folder (the page may travel), metrics."""
    return side.rows - side.failed, tidy(Path(side.source).name), tuple(map(tidy, side.metrics))


def _folder(side: Side) -> Path | None:
    source = Path(side.source)
    return source.parent if source.is_file() else None


def _row(head: str, name: Dimension, d: Difference, axis: plots.Axis) -> DifferenceRow:
    digits = DIGITS.get(name, 2)
    size, span = signed(d.difference, name), interval_words(d, name)
    sure = d.verdict in ("better", "worse")
    plot = plots.deviation_plot(
        axis, d.difference, d.low, d.high, label=f"{head}: {size}, {span}", margin=d.margin, strong=sure
    )
    return DifferenceRow(
        name=head,
        plot=plot,
        new=f"{d.new_mean:.{digits}f}",
        old=f"{d.old_mean:.{digits}f}",
        difference=size,
        interval=span,
        p=p_words(d.p_adjusted),
        prompts=f"{d.n_shared:,}" if d.paired else f"{d.n_new:,} / {d.n_old:,}",
        verdict=verdict_words(name, d),
        kind=d.verdict if sure else "",
    )


def _counts(d: Difference) -> str:
    """On how many prompts either side is ahead."""
    if not d.paired:
        return ""
    ties = d.n_shared - d.wins - d.losses
    parts: Sequence[str] = (
        f"new scores higher on {d.wins:,} of {d.n_shared:,} prompts",
        f"lower on {d.losses:,}",
        *([f"the same on {ties:,}"] if ties else []),
    )
    return ", ".join(parts)
