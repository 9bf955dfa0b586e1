"""The progress of a study as the researcher's pages show it: counts, bars, and raters with what is odd about them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from lmm4lmm.study.marks import marks
from lmm4lmm.study.records import Progress, RaterProgress

WORKING = ("training", "rating", "break")


@dataclass(frozen=True)
class Bar:
    """Items that have so many ratings; ``share`` of the longest bar, per cent."""

    ratings: int
    items: int
    share: float


@dataclass(frozen=True)
class GeneratorBar:
    """How far a generator's items are, per cent of the ratings wanted."""

    name: str
    got: int
    wanted: int
    share: float


@dataclass(frozen=True)
class Overview:
    """The numbers at the top, and the bars."""

    got: int
    wanted: int
    held: int
    share: float
    items_done: int
    items: int
    invited: int
    started: int
    working: int
    finished: int
    excluded: int
    active: int
    median_seconds: float | None
    hours_left: float | None
    bars: tuple[Bar, ...]
    generators: tuple[GeneratorBar, ...]


@dataclass(frozen=True)
class RaterRow:
    """A rater with what is marked: keys of ``marks.MARKS``."""

    rater: RaterProgress
    seen: str
    marks: frozenset[str]


def overview(progress: Progress, now: datetime) -> Overview:
    """Sums up a study.

    Args:
        progress: what the store says.
        now: the server's time; who answered within five minutes counts as active.
    """
    counts = Counter(item.got for item in progress.items)
    most = max(counts.values(), default=1)
    raters = progress.raters
    speeds = sorted(rater.median_ms for rater in raters if rater.median_ms is not None)
    median = speeds[len(speeds) // 2] / 1000 if speeds else None
    left = max(0, progress.wanted - progress.got)
    return Overview(
        got=progress.got,
        wanted=progress.wanted,
        held=progress.held,
        share=100 * progress.got / progress.wanted if progress.wanted else 0.0,
        items_done=sum(item.got >= item.wanted for item in progress.items),
        items=len(progress.items),
        invited=len(raters),
        started=sum(rater.stage not in {"consent", "expired"} for rater in raters),
        working=sum(rater.stage in WORKING for rater in raters),
        finished=sum(rater.stage == "finished" for rater in raters),
        excluded=sum(rater.stage == "excluded" for rater in raters),
        active=sum(
            rater.last_seen is not None and (now - rater.last_seen).total_seconds() < 300 for rater in raters
        ),
        median_seconds=median,
        hours_left=None if median is None else left * median / 3600,
        bars=tuple(Bar(n, counts[n], 100 * counts[n] / most) for n in range(max(counts, default=0) + 1)),
        generators=_generators(progress),
    )


def _generators(progress: Progress) -> tuple[GeneratorBar, ...]:
    names = sorted({item.generator for item in progress.items if item.generator})
    bars = []
    for name in names:
        items = [item for item in progress.items if item.generator == name]
        got, wanted = sum(item.got for item in items), sum(item.wanted for item in items)
        bars.append(GeneratorBar(name, got, wanted, 100 * got / wanted if wanted else 0.0))
    return tuple(bars)


def rater_rows(progress: Progress, now: datetime) -> list[RaterRow]:
    """All raters by name, with their marks."""
    return [RaterRow(rater, ago(rater.last_seen, now), frozenset(marks(rater))) for rater in progress.raters]


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    if moment is None:
        return "never"
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"
