"""Ranks of generators that say how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Groups, Ints, Labels, column, groups
from lmm4lmm.stats.comparisons import Comparison, Sample, compare_all, letters
from lmm4lmm.stats.resampling import Interval, check_resampling, cluster_weights, percentile_interval

ONE_THREAD = 2**18
"""Multiplications up to which OpenBLAS wakes no threads: beside other work, these cost ten times what they save."""


@dataclass(frozen=True)
class Standing:
    """One generator's place.

    Attributes:
        generator: its name.
        n: images with a score.
        n_prompts: prompts of these images.
        mean: mean score over its images, in score units.
        low: lower end of the mean's interval over prompts; None where none can be given.
        high: its upper end.
        rank: 1 is best, by mean; equal means share the better rank.
        rank_low: the best rank that the data allow (1 + how many are surely better).
        rank_high: the worst rank that the data allow (all minus how many are surely worse).
        groups: letters; two generators share one exactly when they could not be told apart.
        reason: why the interval is missing or rough; None when all is well.
    """

    generator: str
    n: int
    n_prompts: int
    mean: float
    low: float | None
    high: float | None
    rank: int
    rank_low: int
    rank_high: int
    groups: tuple[str, ...]
    reason: str | None = None


@dataclass(frozen=True)
class Leaderboard:
    """Generators, best first, and how each pair compares.

    Attributes:
        standings: one a generator, best first; equal means by name.
        comparisons: one a pair, the better-ranked generator as ``a``.
        n: images with a score.
        n_dropped: images without.
        confidence: of the intervals, of each rank interval, and of all comparisons together.
        higher_is_better: direction of the score.
        notes: what a reader must know about unequal prompts, generators without a score and the like.
    """

    standings: tuple[Standing, ...]
    comparisons: tuple[Comparison, ...]
    n: int
    n_dropped: int
    confidence: float
    higher_is_better: bool
    notes: tuple[str, ...] = ()


def leaderboard(
    scores: ArrayLike,
    generators: Labels,
    prompts: Labels | None,
    *,
    rng: np.random.Generator,
    resamples: int = 1000,
    confidence: float = 0.95,
    higher_is_better: bool = True,
) -> Leaderboard:
    """Ranks generators by their mean score.

    Intervals of means: bootstrap over prompts (``resampling``), the same draws for all generators that saw
    the same prompts. Rank intervals: from the Holm-adjusted tests of all pairs (``comparisons``), so with
    probability ``confidence`` at least all of them hold at once (Mohamad, van Zwet, Solari and Goeman, 2019).
    If the generators saw different prompts, their means are not over the same work and a pair may compare
    otherwise than the means do; ``notes`` says so, and the rank interval is widened to hold the rank.

    Args:
        scores: [n] any unit; NaN where an image has none.
        generators: [n] who made the image.
        prompts: [n] the prompt (text or id); None treats images as unrelated, so nothing is paired.
        rng: the only source of chance.
        resamples: bootstrap resamples, at least 10.
        confidence: 0 to 1, ends excluded.
        higher_is_better: False ranks the lowest mean first.

    Raises:
        StatisticsError: no score at all, lengths differ, a label is None, a score is infinite.
    """
    check_resampling(resamples, confidence)
    values = column(scores, "scores")
    kept = ~np.isnan(values)
    if not kept.any():
        raise StatisticsError(f"none of the {values.size} images has a score")
    makers, seen = groups(generators, values.size, "generators"), groups(prompts, values.size, "prompts")
    entries = _entries(values[kept], makers.of(kept), seen.codes[kept], higher_is_better)
    intervals = _intervals(entries, rng, resamples, confidence)
    comparisons = compare_all([entry.sample for entry in entries], confidence=confidence)
    better, different = _claims(comparisons, len(entries), higher_is_better)
    standings = _standings(entries, intervals, better, letters(different))
    silent = sorted({str(name) for name in makers.names} - {entry.sample.name for entry in entries})
    return Leaderboard(
        standings=tuple(standings),
        comparisons=comparisons,
        n=int(kept.sum()),
        n_dropped=int(values.size - kept.sum()),
        confidence=confidence,
        higher_is_better=higher_is_better,
        notes=tuple(_notes(entries, comparisons, silent, paired=prompts is not None)),
    )


@dataclass(frozen=True)
class _Entry:
    sample: Sample
    sums: Floats
    counts: Ints

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        return float(self.sums.sum() / self.n)


def _entries(values: Floats, makers: Groups, prompt: Ints, higher_is_better: bool) -> list[_Entry]:
    """One entry a generator, best mean first, equal means by name."""
    entries = []
    order = np.argsort(makers.codes, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(makers.codes))[:-1])
    for name, part in zip(makers.names, parts, strict=True):
        found, code, counts = np.unique(prompt[part], return_inverse=True, return_counts=True)
        sums = np.bincount(code, values[part]).astype(np.float64)
        entries.append(_Entry(Sample(str(name), found, sums / counts), sums, counts))
    sign = -1.0 if higher_is_better else 1.0
    return sorted(entries, key=lambda entry: (sign * entry.mean, entry.sample.name))


def _intervals(
    entries: Sequence[_Entry], rng: np.random.Generator, resamples: int, confidence: float
) -> list[Interval]:
    """Each mean with its interval; generators with the same prompts are resampled together."""
    families: dict[bytes, list[int]] = {}
    for i, entry in enumerate(entries):
        families.setdefault(entry.sample.prompts.tobytes(), []).append(i)
    found = [Interval(entry.mean, None, None) for entry in entries]
    for members in families.values():
        both = [entries[i].sums for i in members], [entries[i].counts for i in members]
        table = np.column_stack([column for columns in both for column in columns]).astype(np.float64)
        n_prompts, g = table.shape[0], len(members)
        rows = max(1, ONE_THREAD // table.size)
        drawn = np.concatenate([w @ table for w in cluster_weights(n_prompts, resamples, rng, rows=rows)])
        for i, column_of in zip(members, (drawn[:, :g] / drawn[:, g:]).T, strict=True):
            found[i] = percentile_interval(entries[i].mean, column_of, n_prompts, confidence)
    return found


def _claims(
    comparisons: Sequence[Comparison], g: int, higher_is_better: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """[g, g] whether the row's generator is surely better than the column's; whether the two differ."""
    better = np.zeros((g, g), dtype=np.bool_)
    rows, columns = np.triu_indices(g, 1)
    for i, j, pair in zip(rows.tolist(), columns.tolist(), comparisons, strict=True):
        if pair.different:
            first = (pair.difference > 0) == higher_is_better
            better[(i, j) if first else (j, i)] = True
    return better, better | better.T


def _standings(
    entries: Sequence[_Entry],
    intervals: Sequence[Interval],
    better: NDArray[np.bool_],
    marks: Sequence[tuple[str, ...]],
) -> list[Standing]:
    g, standings = len(entries), []
    rank = 1
    for i, (entry, interval) in enumerate(zip(entries, intervals, strict=True)):
        if i and entry.mean != entries[i - 1].mean:
            rank = i + 1
        standings.append(
            Standing(
                generator=entry.sample.name,
                n=entry.n,
                n_prompts=int(entry.counts.size),
                mean=entry.mean,
                low=interval.low,
                high=interval.high,
                rank=rank,
                rank_low=min(rank, 1 + int(better[:, i].sum())),
                rank_high=max(rank, g - int(better[i].sum())),
                groups=marks[i],
                reason=interval.reason,
            )
        )
    return standings


def _notes(
    entries: Sequence[_Entry], comparisons: Sequence[Comparison], silent: Sequence[str], *, paired: bool
) -> list[str]:
    notes = []
    if silent:
        notes.append(f"no score for any image of {', '.join(silent)}: left out of the ranking")
    if not paired:
        notes.append("no prompts given: images are taken as unrelated and pairs are compared unpaired")
    elif len({entry.sample.prompts.tobytes() for entry in entries}) > 1:
        apart = sum(not pair.paired for pair in comparisons)
        unpaired = f"; {apart} of {len(comparisons)} pairs share fewer than two and are compared unpaired"
        notes.append(
            "the generators were not scored on the same prompts: means are over each one's own images, "
            f"pairs are compared over the prompts that both share{unpaired if apart else ''}"
        )
    untested = sum(pair.p is None for pair in comparisons)
    if untested:
        notes.append(f"{untested} of {len(comparisons)} pairs have too few prompts for any test")
    return notes
