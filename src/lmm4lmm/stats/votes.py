"""Yes/no answers by several people: the majority with its ties, how far people agree, and what looks suspicious.

An item's answer is what more than half said; where as many said yes as no there is none (a tie, counted). The share
of yes has Wilson's interval. A rater is *flagged*, never rejected, since a yes/no answer has no scale to screen by:

- leaning: says yes more (or less) often than the others did on the same items, by ``LEAST_SHIFT`` or more and with
  |z| above ``SUSPICIOUS_Z``; the variance is that of answers which hit the others' share of yes;
- disagreeing: agrees with the majority of the others less often than raters do on average, with z below
  ``-SUSPICIOUS_Z``;
- one answer throughout, over at least ``LEAST_ANSWERS`` items on which the others gave both.

Sub-answers contradict the whole where people say yes to all parts and no to the whole, or yes to the whole and no to
a part (EvalMi-50K: 194 of 4,368 rows, and in some prompts the parts look shuffled).

Source: Wilson, Journal of the American Statistical Association 22, 1927.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.arrays import Floats, Ints, column, need_yes_no, table
from lmm4lmm.stats.rating_table import RatingTable, quotient

SUSPICIOUS_Z = 3.29
"""One honest rater in a thousand is that far off."""
LEAST_SHIFT = 0.1
LEAST_ANSWERS = 10


@dataclass(frozen=True)
class VoteRaters:
    """Facts about raters, [n_raters] each; NaN where a rater shares no item with others.

    Attributes:
        n: answers.
        yes: share of yes.
        bias: share of yes less that of the others on the same items.
        agreement: share of items on which the rater agrees with the majority of the others (their ties left out).
        reasons: why a rater is flagged; None for the others.
    """

    n: Ints
    yes: Floats
    bias: Floats
    agreement: Floats
    reasons: tuple[str | None, ...]


@dataclass(frozen=True)
class Votes:
    """Answers of a panel.

    Attributes:
        share: [n_items] share of yes; NaN without an answer.
        se: [n_items] sqrt(share (1 - share) / n): 0 where all agree, which ``low`` and ``high`` know better.
        low: [n_items] lower end of Wilson's interval of the share.
        high: [n_items] upper end.
        n: [n_items] answers.
        answer: [n_items] 1 or 0 by majority; NaN for a tie, or without an answer.
        tied: items with as many yes as no.
        unanimous: items with two answers or more, all the same.
        agreement: share of pairs of answers to one item that are the same, mean over items with two or more; None
            without such.
        raters: facts about raters.
    """

    share: Floats
    se: Floats
    low: Floats
    high: Floats
    n: Ints
    answer: Floats
    tied: int
    unanimous: int
    agreement: float | None
    raters: VoteRaters


def count_votes(answers: RatingTable, *, confidence: float = 0.95) -> Votes:
    """Majorities, agreement and suspicious raters.

    Args:
        answers: 1 yes, 0 no; a rater's repeated answers to an item that differ (0.5) count half each.
        confidence: of the intervals, 0 to 1, ends excluded.

    Raises:
        StatisticsError: another value than 0, 0.5 of a repetition, or 1; or no answers.
    """
    values = answers.values
    need_yes_no(values[values != 0.5] if answers.n_repeats else values)
    n, yes = answers.item_counts, answers.per_item(values)
    share = quotient(yes, n)
    low, high = _wilson(share, n, confidence)
    pairs = n >= 2
    same = quotient(yes * (yes - 1) + (n - yes) * (n - yes - 1), n * (n - 1))
    return Votes(
        share=share,
        se=np.sqrt(share * (1.0 - share) / np.maximum(n, 1)),
        low=low,
        high=high,
        n=n.astype(np.intp),
        answer=np.where(share > 0.5, 1.0, np.where(share < 0.5, 0.0, np.nan)),
        tied=int((share == 0.5).sum()),
        unanimous=int((pairs & ((share == 0) | (share == 1))).sum()),
        agreement=float(same[pairs].mean()) if pairs.any() else None,
        raters=_raters(answers, yes),
    )


def contradictions(whole: ArrayLike, parts: ArrayLike) -> NDArray[np.intp]:
    """Numbers of the items whose answer is not the AND of the sub-answers.

    Args:
        whole: [n] 1 yes, 0 no, NaN unknown.
        parts: [n, k] the same of each part; NaN where an item has fewer parts, or a part's answer is unknown.

    Returns:
        Items with a known answer and at least one known part where a part is no and the whole yes, or all known
        parts are yes and the whole no.

    Raises:
        StatisticsError: not so many rows, or other values.
    """
    answer, sub = column(whole, "whole"), table(parts, "parts")
    if len(sub) != answer.size:
        raise StatisticsError(f"there are {answer.size} answers and sub-answers of {len(sub)} items")
    for values in (answer, sub.ravel()):
        known = values[~np.isnan(values)]
        if known.size:
            need_yes_no(known)
    judged = ~np.isnan(answer) & (~np.isnan(sub)).any(axis=1)
    all_yes = np.where(np.isnan(sub), 1.0, sub).min(axis=1)
    return np.flatnonzero(judged & (all_yes != answer))


def _wilson(share: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    from scipy.special import ndtri  # takes 0.3 s to import

    z = float(ndtri((1.0 + confidence) / 2.0))
    size = np.where(n > 0, n, np.nan)
    middle = (share + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * np.sqrt(share * (1 - share) / size + (z / (2 * size)) ** 2)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def _raters(answers: RatingTable, yes: Floats) -> VoteRaters:
    x, items = answers.values, answers.items
    others = answers.item_counts[items] - 1.0
    theirs = quotient(yes[items] - x, others)
    shared = others > 0
    with_others = answers.only(shared)
    p, mine = theirs[shared], x[shared]
    n = with_others.rater_counts
    bias = with_others.rater_means(mine - p)
    spread = np.sqrt(with_others.per_rater(p * (1.0 - p) + p * (1.0 - p) / others[shared]))
    z_bias = quotient(with_others.per_rater(mine - p), spread)
    clear = answers.only(shared & (theirs != 0.5))
    hit = 1.0 - np.abs(x - (theirs > 0.5))[shared & (theirs != 0.5)]
    agreement = clear.rater_means(hit)
    usual = float(hit.mean()) if hit.size else np.nan
    z_agreement = (agreement - usual) / np.sqrt(
        np.maximum(usual * (1.0 - usual), 1e-12) / np.maximum(clear.rater_counts, 1)
    )
    mixed = with_others.per_rater(p) * with_others.per_rater(1.0 - p) > 0
    share = answers.rater_means(x)
    reasons = []
    for j in range(answers.n_raters):
        found = []
        if n[j] >= LEAST_ANSWERS and mixed[j] and share[j] in (0.0, 1.0):
            found.append(f"said {'yes' if share[j] else 'no'} to everything")
        elif abs(bias[j]) >= LEAST_SHIFT and abs(z_bias[j]) > SUSPICIOUS_Z:
            more = "more" if bias[j] > 0 else "less"
            found.append(f"says yes {abs(bias[j]):.0%} {more} often than others on the same items")
        if z_agreement[j] < -SUSPICIOUS_Z:
            found.append(
                f"agrees with the majority of the others on {agreement[j]:.0%}; usual is {usual:.0%}"
            )
        reasons.append("; ".join(found) or None)
    return VoteRaters(answers.rater_counts.astype(np.intp), share, bias, agreement, tuple(reasons))
