"""The last steps of every recovery method: who is rejected, means, errors, intervals, facts and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lmm4lmm.core.counting import counted
from lmm4lmm.stats.arrays import Floats
from lmm4lmm.stats.bias import rater_bias, rater_inconsistency, rater_scale
from lmm4lmm.stats.rating_table import RatingTable, quotient
from lmm4lmm.stats.recovered import (
    SUREAL_Z,
    Bounds,
    Compat,
    Draft,
    IntervalKind,
    RaterFacts,
    Recovered,
)


def without(draft: Draft, ratings: RatingTable, gone: Mapping[int, str]) -> Draft:
    """The draft without raters whom the method can't use."""
    kept = draft.kept & ~_of(ratings, gone)
    warning = (
        f"{counted(len(gone), 'rater')} without a z-score (one mark throughout, or a single rating): left out"
    )
    return replace(
        draft,
        kept=kept,
        rejected={**draft.rejected, **gone},
        warnings=(*draft.warnings, warning) if gone else draft.warnings,
    )


def rejecting(draft: Draft, ratings: RatingTable, found: Mapping[int, str], rule: str) -> Draft:
    """The draft without the raters that a rule rejects; where it rejects all that are left, without none."""
    left = np.bincount(ratings.raters[draft.kept], minlength=ratings.n_raters) > 0
    if found and not any(left[j] for j in range(ratings.n_raters) if j not in found):
        warning = (
            f"{rule} would reject every rater; the rule does not fit these ratings, so nobody is rejected"
        )
        return replace(draft, warnings=(*draft.warnings, warning))
    return replace(draft, kept=draft.kept & ~_of(ratings, found), rejected={**found, **draft.rejected})


def finish(
    ratings: RatingTable,
    draft: Draft,
    *,
    method: str,
    interval: IntervalKind,
    confidence: float,
    compat: Compat,
) -> Recovered:
    """Scores with errors, intervals, facts about raters and warnings."""
    kept = _only(ratings, draft.kept)
    n = kept.item_counts
    score, se = _mean_and_error(kept, draft.values[draft.kept])
    for_t: Floats | None = se
    if draft.score is not None and draft.se is not None:
        score, se, for_t = draft.score, draft.se, draft.se_for_t
    z, t = _quantiles(n, confidence, compat)
    missing = {
        int(i): "all of its ratings were left out" if ratings.item_counts[i] else "nobody rated it"
        for i in np.flatnonzero(np.isnan(score))
    }
    removed = np.column_stack([ratings.items, ratings.raters])[~draft.kept]
    return Recovered(
        method=method,
        score=score,
        se=se,
        n=n.astype(np.intp),
        normal=Bounds(score - z * se, score + z * se),
        t=None if for_t is None else Bounds(score - t * for_t, score + t * for_t),
        interval=interval if for_t is not None else "normal",
        confidence=confidence,
        raters=_rater_facts(ratings, draft, confidence, z),
        removed=removed,
        iterations=draft.iterations,
        missing=missing,
        warnings=(*_general_warnings(ratings, kept, missing), *draft.warnings),
    )


def _of(ratings: RatingTable, raters: Mapping[int, str]) -> NDArray[np.bool_]:
    """[r] whether a rating is by one of these."""
    return np.isin(ratings.raters, np.fromiter(raters, np.intp, len(raters)))


def _only(ratings: RatingTable, kept: NDArray[np.bool_]) -> RatingTable:
    return ratings if kept.all() else ratings.only(kept)


def _mean_and_error(ratings: RatingTable, values: Floats) -> tuple[Floats, Floats]:
    """Mean, and SD (ddof 1) over the root of n; NaN with fewer than two ratings."""
    mean = ratings.item_means(values)
    away = values - mean[ratings.items]
    away[np.abs(away) <= 1e-13 * np.abs(values).max(initial=0.0)] = 0.0
    n = ratings.item_counts
    return mean, np.sqrt(quotient(ratings.per_item(np.square(away)), n * (n - 1)))


def _quantiles(n: Floats, confidence: float, compat: Compat) -> tuple[float, Floats]:
    """z, and t of each item (NaN below two ratings)."""
    from scipy.special import ndtri, stdtrit  # takes 0.3 s to import

    p = (1.0 + confidence) / 2.0
    z = SUREAL_Z if compat == "sureal" and confidence == 0.95 else float(ndtri(p))
    with np.errstate(invalid="ignore"):
        sizes, place = np.unique(n, return_inverse=True)
        t = np.where(sizes >= 2, stdtrit(np.maximum(sizes - 1, 1), p), np.nan)[place]
    return z, np.asarray(t, dtype=np.float64)


def _rater_facts(ratings: RatingTable, draft: Draft, confidence: float, z: float) -> RaterFacts:
    mean, sd = rater_scale(ratings)
    bias = rater_bias(ratings) if draft.bias is None else draft.bias
    spread = rater_inconsistency(ratings, bias) if draft.inconsistency is None else draft.inconsistency
    half = low = high = np.full(ratings.n_raters, np.nan)
    if draft.with_rater_intervals:
        from scipy.special import chdtri  # takes 0.3 s to import

        n, tail = ratings.rater_counts, (1.0 - confidence) / 2.0
        enough = n >= 2
        half = np.where(enough, z * spread / np.sqrt(np.maximum(n, 1)), np.nan)
        low, high = (
            np.where(enough, spread * np.sqrt(n / chdtri(np.maximum(n, 1), p)), np.nan)
            for p in (tail, 1.0 - tail)
        )
    gone = np.isin(np.arange(ratings.n_raters), list(draft.rejected))
    return RaterFacts(
        n=ratings.rater_counts.astype(np.intp),
        mean=mean,
        sd=sd,
        bias=bias,
        inconsistency=spread,
        bias_half=half,
        inconsistency_low=low,
        inconsistency_high=high,
        above=ratings.per_rater(draft.flagged_above.astype(np.float64)).astype(np.intp),
        below=ratings.per_rater(draft.flagged_below.astype(np.float64)).astype(np.intp),
        rejected=gone,
        reasons=tuple(draft.rejected.get(j) for j in range(ratings.n_raters)),
    )


def _general_warnings(ratings: RatingTable, kept: RatingTable, missing: Mapping[int, str]) -> list[str]:
    """What holds whatever the method."""
    found = []
    unrated, silent = int((ratings.item_counts == 0).sum()), int((ratings.rater_counts == 0).sum())
    if ratings.n_repeats:
        found.append(
            f"{counted(ratings.n_repeats, 'repeated rating')} of the same item by the same rater: "
            "one's ratings of an item count as one, their mean"
        )
    if unrated:
        found.append(f"{counted(unrated, 'item')} without a rating: no score")
    if len(missing) > unrated:
        found.append(f"{counted(len(missing) - unrated, 'item')} lost all ratings to screening: no score")
    if silent:
        found.append(f"{counted(silent, 'rater')} without a rating")
    if (single := int((kept.item_counts == 1).sum())) and (ratings.rater_counts > 0).sum() > 1:
        found.append(f"{counted(single, 'item')} with one rating left: no standard error")
    if (ratings.rater_counts > 0).sum() == 1:
        found.append("a single rater: scores are one person's opinion and have no standard error")
    if (ratings.item_counts > 0).sum() == 1:
        found.append("a single item: nothing can be said about how raters use the scale")
    if constant := _constant_raters(ratings):
        found.append(f"{counted(constant, 'rater')} gave one mark to everything")
    if unanimous := _unanimous_items(kept):
        found.append(
            f"{counted(unanimous, 'item')} on which all raters agreed to the mark: "
            "an error of 0 there is no precision"
        )
    return found


def _constant_raters(ratings: RatingTable) -> int:
    """Raters of two items or more who gave all of them one mark."""
    _, sd = rater_scale(ratings)
    return int((sd == 0).sum())


def _unanimous_items(kept: RatingTable) -> int:
    _, se = _mean_and_error(kept, kept.values)
    return int((se == 0).sum())
