"""Scores from choices between two: Bradley and Terry's model, with ties by Davidson, and their standard errors.

P(i beats j) = e^{s_i} / (e^{s_i} + e^{s_j}); with ties, after Davidson, the three outcomes i, j and tie go as
``e^{s_i}``, ``e^{s_j}`` and ``nu e^{(s_i + s_j) / 2}``. Scores sum to 0 and are in logits: 1 is odds of 2.7 to 1, and
``elo`` has them on the scale of chess (400 is odds of 10 to 1). Ties may also count half a win each (scores are then
pulled together, and errors are rough), or be dropped.

The maximum is found by Newton's steps; the errors are the root of the diagonal of the inverse of the information on
the plane where scores sum to 0. ``covariance`` is all of it: the error of a difference is
``sqrt(c_ii + c_jj - 2 c_ij)``.

**Where there is no maximum.** It exists if and only if, in every division of the items in two, each part has won
against the other (ties count as both); that is, if the graph of wins is strongly connected (Ford, 1957).

- Items that nobody compared have no score.
- Groups of items that were never compared with each other: each sums to 0 by itself, with a warning.
- Perfect separation (somebody lost, or won, everything): a weak prior keeps scores finite, with a warning: each item
  has half a win and half a loss against one of score 0. ``prior=0`` refuses instead.

Source: Bradley and Terry, Biometrika 39, 1952; Davidson, Journal of the American Statistical Association 65, 1970;
Ford, American Mathematical Monthly 64, 1957; Hunter, Annals of Statistics 32, 2004.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.counting import counted
from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Ints, column
from lmm4lmm.stats.preference_fit import Fit, Pairings, maximum, paired

Ties: TypeAlias = Literal["davidson", "half", "drop"]
"""What a tie is: an outcome of its own, half a win for both, or nothing."""

WEAK = 0.5
"""Wins and losses of every item against one of score 0, where the data alone have no maximum."""
MOST_ITEMS = 4000
"""A covariance of all items with each other: 128 MB."""
ELO = 400.0 / np.log(10.0)


@dataclass(frozen=True)
class Preference:
    """Scores of items that were compared.

    Attributes:
        score: [k] logits, sum 0 in each group; NaN where ``missing`` says why.
        se: [k] standard error; NaN without a score.
        low: [k] lower end of the interval score -+ z se.
        high: [k] upper end.
        n: [k] comparisons of each item that are used.
        wins: [k] decisive comparisons that it won.
        ties: [k] its ties.
        covariance: [k, k] of the scores; 0 between groups, NaN without a score.
        tie_parameter: Davidson's nu; None where ties are not modelled or there is none.
        log_likelihood: at the maximum, of the data alone.
        first_share: share of the decisive choices that fell on what was shown first; None without any.
        groups: groups of items that hang together through comparisons.
        prior: wins and losses against score 0 that were added to each item.
        missing: item -> why it has no score.
        warnings: one sentence each.
    """

    score: Floats
    se: Floats
    low: Floats
    high: Floats
    n: Ints
    wins: Floats
    ties: Floats
    covariance: Floats
    tie_parameter: float | None
    log_likelihood: float
    first_share: float | None
    groups: int
    prior: float
    missing: Mapping[int, str]
    warnings: tuple[str, ...]

    @property
    def elo(self) -> Floats:
        """[k] scores on the scale of chess, around 1000."""
        return np.asarray(1000.0 + ELO * self.score, dtype=np.float64)


def bradley_terry(
    first: Ints,
    second: Ints,
    outcome: ArrayLike,
    *,
    n_items: int | None = None,
    ties: Ties = "davidson",
    prior: float | None = None,
    confidence: float = 0.95,
) -> Preference:
    """Scores from comparisons.

    Args:
        first: [c] number of the item shown first.
        second: [c] number of the other.
        outcome: [c] 1 where the first won, 0 where the second did, 0.5 for a tie; NaN (no choice) is left out.
        n_items: how many there are; None for those that are named.
        ties: what a tie is.
        prior: wins and losses of each item against one of score 0; None adds them only where there is no maximum
            without (0.5 each), 0 never does.
        confidence: of the intervals, 0 to 1, ends excluded.

    Raises:
        StatisticsError: columns of different lengths, an item against itself, another outcome, no comparison, more
            than ``MOST_ITEMS`` items, or no maximum where ``prior`` is 0.
    """
    i, j, x = _checked(first, second, outcome, ties)
    k = int(max(i.max(initial=-1), j.max(initial=-1))) + 1 if n_items is None else n_items
    if k > MOST_ITEMS:
        raise StatisticsError(f"compares at most {MOST_ITEMS:,} items; these are {k:,}")
    if i.max() >= k or j.max() >= k:
        raise StatisticsError(f"an item has the number {max(i.max(), j.max())}; there are {k} items")
    pairs = paired(i, j, x, k)
    modelled = ties == "davidson" and bool(0.0 < pairs.tied.sum() < pairs.n.sum())
    used = pairs if modelled else pairs.without_ties(half=ties != "drop")
    weak, warnings = _prior(used, prior)
    fit = maximum(used, weak, modelled=modelled)
    if ties == "davidson" and pairs.tied.sum() == pairs.n.sum():
        warnings.append("every comparison is a tie: all scores are equal")
    return _result(used, pairs, fit, weak, confidence, warnings, (i, x))


def _checked(first: Ints, second: Ints, outcome: ArrayLike, ties: str) -> tuple[Ints, Ints, Floats]:
    i, j, x = np.asarray(first, np.intp), np.asarray(second, np.intp), column(outcome, "outcome")
    if not (i.shape == j.shape == x.shape):
        raise StatisticsError(f"there are {i.size} first items, {j.size} second ones and {x.size} outcomes")
    if ties not in get_args(Ties):
        raise StatisticsError(f"ties is {ties!r}; it must be one of {', '.join(get_args(Ties))}")
    known = ~np.isnan(x)
    i, j, x = i[known], j[known], x[known]
    if not x.size:
        raise StatisticsError("there is no comparison")
    if (wrong := (x != 0) & (x != 1) & (x != 0.5)).any():
        raise StatisticsError(f"an outcome is 1 (first), 0 (second) or 0.5 (tie); one is {x[wrong][0]:g}")
    if (i == j).any():
        raise StatisticsError(
            f"comparison {int(np.flatnonzero(i == j)[0])} is of item {i[i == j][0]} with itself"
        )
    if min(i.min(), j.min()) < 0:
        raise StatisticsError("items have numbers from 0")
    return i, j, x


def _prior(pairs: Pairings, prior: float | None) -> tuple[float, list[str]]:
    """The prior to take, and what to say of the graph of wins."""
    warnings = []
    if pairs.groups > 1:
        warnings.append(
            f"{pairs.groups} groups of items were never compared with each other: "
            "scores of different groups can't be compared"
        )
    if pairs.separated:
        problem = (
            f"perfect separation: {counted(pairs.separated, 'set')} of items won or lost every comparison "
            "with the others, and the likelihood has no maximum"
        )
        if prior == 0:
            raise StatisticsError(f"{problem}; a prior above 0 keeps scores finite")
        if prior is None:
            warnings.append(f"{problem}; half a win and half a loss against score 0 are added to each item")
    if prior is None:
        return (WEAK if pairs.separated else 0.0), warnings
    return prior, warnings


def _result(
    used: Pairings,
    pairs: Pairings,
    fit: Fit,
    prior: float,
    confidence: float,
    warnings: list[str],
    shown: tuple[Ints, Floats],
) -> Preference:
    from scipy.special import ndtri  # takes 0.3 s to import

    z = float(ndtri((1.0 + confidence) / 2.0))
    compared = used.per_item(used.n, used.n) > 0
    score = np.where(compared, fit.score, np.nan)
    covariance = np.where(compared[:, None] & compared, fit.covariance, np.nan)
    se = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    missing = {int(item): "it was in no comparison" for item in np.flatnonzero(~compared)}
    if missing:
        warnings.append(f"{counted(len(missing), 'item')} without a comparison: no score")
    decisive = shown[1] != 0.5
    return Preference(
        score=score,
        se=se,
        low=score - z * se,
        high=score + z * se,
        n=used.per_item(used.n, used.n).astype(np.intp),
        wins=pairs.per_item(pairs.won, pairs.lost),
        ties=pairs.per_item(pairs.tied, pairs.tied),
        covariance=covariance,
        tie_parameter=fit.tie_parameter,
        log_likelihood=fit.log_likelihood,
        first_share=float(shown[1][decisive].mean()) if decisive.any() else None,
        groups=used.groups,
        prior=prior,
        missing=missing,
        warnings=tuple(warnings),
    )
