"""Do people see a difference, and does the metric know? (Krasula, Fliegel, Le Callet and Klima, QoMEX 2016.)

Pairs of images are *different* where people's scores differ significantly, ``|MOS_i - MOS_j| > z *
sqrt(SE_i^2 + SE_j^2)``, else *similar*. Two questions are asked of the metric's differences:

* *different/similar*: is |difference| larger for different pairs than for similar ones? (AUC_DS)
* *better/worse*: among different pairs, is the difference positive where the first image is better? Each pair
  is there in both orders, as in the authors' code. (AUC_BW; CC_0 is the share of right signs.)

No curve has to be fitted, and errors smaller than people's own uncertainty cost nothing. The p-values between
metrics are DeLong's; they take pairs as independent. Pairs that share an image are not, so they are far too
small: order metrics by them, but don't quote them as evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmm4lmm.core.errors import StatisticsError
from lmm4lmm.stats.analytic import normal_quantile
from lmm4lmm.stats.arrays import Floats, Labels, column
from lmm4lmm.stats.arrays import groups as as_groups
from lmm4lmm.stats.delong import areas
from lmm4lmm.stats.pairing import gaps, item_pairs, one_group


@dataclass(frozen=True)
class Krasula:
    """Of k metrics on the same images.

    Attributes:
        z: how many standard errors make a difference.
        n_pairs: pairs of images.
        n_different: those that people tell apart.
        auc_different: [k] AUC_DS, 0.5 is chance.
        auc_better: [k] AUC_BW, 0.5 is chance.
        right_signs: [k] CC_0: share of the different pairs whose better image the metric scores higher.
        threshold: [k] the 95 % quantile of |difference| over similar pairs: a larger one means something.
        p_different: [k, k] DeLong's p-values of AUC_DS between metrics (see the module for their limit).
        p_better: [k, k] the same of AUC_BW.
    """

    z: float
    n_pairs: int
    n_different: int
    auc_different: Floats
    auc_better: Floats
    right_signs: Floats
    threshold: Floats
    p_different: Floats
    p_better: Floats


def krasula(
    predicted: ArrayLike,
    human: ArrayLike,
    standard_error: ArrayLike,
    *,
    groups: Labels | None = None,
    z: float | None = None,
    confidence: float = 0.95,
) -> Krasula:
    """Analysis of pairs after Krasula et al.

    Args:
        predicted: [n], or [k, n] for k metrics: scores, higher is better. Items that a metric or people did not
            score are left out for all.
        human: [n] mean scores by people.
        standard_error: [n] of these means: SD / sqrt(raters).
        groups: [n] compare only within these (prompts); None compares all with all.
        z: how many standard errors make a difference; None takes them from ``confidence``.
        confidence: 0.95 gives z = 1.96.

    Raises:
        StatisticsError: fewer than two different or two similar pairs, too many pairs, lengths differ.
    """
    rows = np.atleast_2d(np.asarray(predicted, dtype=np.float64))
    x = np.array([column(row, "predicted") for row in rows])
    y, se = column(human, "human"), column(standard_error, "standard_error")
    if not x.shape[1] == y.size == se.size:
        raise StatisticsError(
            f"predicted, human and standard_error have {x.shape[1]}, {y.size} and {se.size} values"
        )
    kept = ~(np.isnan(x).any(axis=0) | np.isnan(y) | np.isnan(se))
    grouped = (one_group(y.size) if groups is None else as_groups(groups, y.size, "groups")).of(kept)
    x, y, se = x[:, kept], y[kept], se[kept]
    limit = normal_quantile(confidence) if z is None else z
    listed = item_pairs(grouped)
    of_people = gaps(y, listed)
    # divided as in the original: at a spread of zero any difference counts, and none is none
    with np.errstate(invalid="ignore", divide="ignore"):
        different = np.abs(of_people) / np.sqrt(se[listed.first] ** 2 + se[listed.second] ** 2) > limit
    moved = np.array([gaps(row, listed) for row in x])
    seen = areas(np.abs(moved[:, different]), np.abs(moved[:, ~different]))
    forward = moved[:, different] * np.sign(of_people[different])
    better = areas(forward, -forward)
    return Krasula(
        z=limit,
        n_pairs=int(of_people.size),
        n_different=int(different.sum()),
        auc_different=seen.auc,
        auc_better=better.auc,
        right_signs=np.asarray((forward > 0).mean(axis=1), dtype=np.float64),
        threshold=np.asarray(np.quantile(np.abs(moved[:, ~different]), 0.95, axis=1), dtype=np.float64),
        p_different=seen.p,
        p_better=better.p,
    )
